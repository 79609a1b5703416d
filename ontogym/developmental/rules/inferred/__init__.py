"""The rule that was inferred from behaviour: a small network that says how a weight changes (arXiv 2509.04661)."""
