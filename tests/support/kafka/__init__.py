"""A real Kafka for tests: see README.md."""

from .cluster import Cluster

__all__ = ["Cluster"]
