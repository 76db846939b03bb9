"""Fixtures of the long tests."""

from real_brokers import kafka_server, redis_server

__all__ = ["kafka_server", "redis_server"]
