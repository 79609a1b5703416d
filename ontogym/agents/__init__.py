"""Agents that develop and rewire: the population-first contract and the LNDP."""
