"""Lives: what a life is, the one rollout that lives it, the lanes it is lived in, and what watches it; whole lives in one compiled
call (`whole*`) or on a GPU (`device*`), which give what the rollout gives."""
