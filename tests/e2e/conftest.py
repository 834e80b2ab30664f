"""The same services as in the service tests."""

from tests.services.conftest import agent

__all__ = ["agent"]
