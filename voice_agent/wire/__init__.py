"""Messages of the wire protocol, as pydantic models: one module a service."""
