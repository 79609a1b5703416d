"""One wing for each paper: its model, its run, its figure, its command. Nothing below imports a study."""
