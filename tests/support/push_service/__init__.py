"""A strict push service for tests; see README.md."""

from .client import PushService

__all__ = ["PushService"]
