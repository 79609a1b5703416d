"""Agents that live: the population-first contract, developing networks (LNDP, `plastic`), evolved networks and a logistic learner."""
