"""Sweeps: tasks x methods x seeds of any command, one JSON a cell, resumable, and the tables over them."""
