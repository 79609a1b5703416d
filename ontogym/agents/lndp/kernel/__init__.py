"""The LNDP's built-in rule as one compiled function, in explicit vectors (see docs/kernel.md)."""
