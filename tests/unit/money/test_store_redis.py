"""Which Redis it is, by its URL: workers of a group are let together only where it is one."""

from socket import gethostname

import pytest

from streamproc.money.store_redis import RedisStore


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://redis.example.org", "redis.example.org:6379/0"),
        ("redis://user:secret@redis.example.org:6379/0", "redis.example.org:6379/0"),
        ("redis://redis.example.org:6379?db=1", "redis.example.org:6379/1"),  # once the same as any other number here
        ("redis://redis.example.org/2", "redis.example.org:6379/2"),
        ("redis://localhost", f"{gethostname()} localhost:6379/0"),  # each machine has one of its own
        ("unix:///run/redis.sock?db=3", f"{gethostname()} /run/redis.sock:6379/3"),
    ],
)
def test_a_redis_is_told_by_machine_port_and_database(url: str, place: str) -> None:
    """Two workers with two of them would spend every budget twice."""
    assert RedisStore(url, "test", 1.0).place == place
