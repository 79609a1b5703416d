"""Evolution, evaluation and baselines: everything that runs agents in environments."""
