"""Learning rules inferred from choices during learning (arXiv 2509.04661)."""
