"""Learning regimes as experiments: rank of the start (arXiv 2310.08513), curvature at the end (arXiv 2206.00823)."""
