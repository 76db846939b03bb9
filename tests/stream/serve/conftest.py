"""Fixtures of the tests of live streams."""

from real_brokers import kafka_server, redis_server

__all__ = ["kafka_server", "redis_server"]
