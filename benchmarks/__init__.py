"""Measurements; each prints a table and names the machine. See the README's `make` targets."""
