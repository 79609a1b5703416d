"""Learning regimes: how far a network's weights and representation move, and how curved its loss is where it ends.

`metrics`, `curvature`: pure functions for any PyTorch model. `initial`: families of recurrent matrices to start from.
`tasks`: batched trials. Sources: arXiv 2310.08513 (rich and lazy learning), arXiv 2206.00823 (curvature).
"""
