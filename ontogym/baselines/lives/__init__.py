"""Lives: what a life is, the one rollout that lives it, the lanes it is lived in, and what watches it."""
