"""Feature extractors: frozen functions from pictures or wide observations to a short vector, and their networks."""
