"""One wing for each paper: its model, its run, its figure. Nothing below imports a study; commands are in `ontogym.cli`."""
