"""Async clients of the services: one connection each, typed messages both ways."""
