"""Engines of other processes: what hears and speaks through the services."""
