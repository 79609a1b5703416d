"""Training of baselines with Stable-Baselines3, and the floor and ceiling to compare them with."""
