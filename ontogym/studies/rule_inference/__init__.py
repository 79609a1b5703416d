"""From choices to a learning rule: cross-validated fits, recovery, the picture (arXiv 2509.04661)."""
