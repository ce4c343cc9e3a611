"""Services that use Spring Kafka, for tests: see README.md."""

from .peers import Reply, Requester, Responder

__all__ = ["Reply", "Requester", "Responder"]
