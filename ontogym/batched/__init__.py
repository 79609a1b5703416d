"""How a task is written once, batch axis first, and becomes a Gymnasium `Env` and a native `VectorEnv`.

- `ontogym.batched.dynamics`: the contract, state in and state out.
- `ontogym.batched.environments`: the two environments made of it.
- `ontogym.batched.inputs`: what they take from outside, checked; `flat`: any of Gymnasium's spaces as numbers.
- `ontogym.batched.native`, `compiled_lane`: one lane's rules, compiled; `tensors`: lanes on a device.

A room of its own, below `envs` and `retina_env`: both hold environments and do not know each other.
"""
