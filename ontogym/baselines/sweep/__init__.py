"""Sweeps: tasks x methods x seeds of any command, one JSON a cell, resumable, equally tuned; the tables and curves over them."""
