"""From choices to a learning rule (arXiv 2509.04661): cross-validated fits, recovery, the picture.

`model` holds trials, rules, simulated animals and fits; `methods` the ways to infer a rule, by name; `run` is the experiment.
"""
