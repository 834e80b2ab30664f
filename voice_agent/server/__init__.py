"""The HTTP shell of a service: its app, its slots, its health."""
