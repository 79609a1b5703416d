"""Learning regimes as experiments: rank of the start (arXiv 2310.08513), curvature at the end (arXiv 2206.00823).

`rank_sweep` and `curvature` are the experiments, `config` what they take, `cells` their networks kept one by one, `figures`
their picture; `rate_network` and `rate_training` are the network and the gradients that credit-assignment rules give
it; `model` holds tasks, starts and measures, which know no experiment; `connectome` is the wiring that ``--connectome`` names.

May change: a task is a class in `model.tasks.TASKS`, a start a function in `model.initial.FAMILIES`, a measure an entry of an
experiment's METRICS and of its cell. Must stay: conditions of one seed see the same trials and start from the same
Gaussian, so that differences are paired.
"""
