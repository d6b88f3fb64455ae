from tests.servers.redis import Redis


def test_a_killed_redis_comes_back_empty_at_its_address(redis: Redis) -> None:
    """Nothing is saved unless a test says so: what a store may lose has to be lost here."""
    assert redis.ask("SET", "key", "value") == "+OK"
    redis.kill()
    assert redis.ask("PING") == ""
    redis.start()
    assert redis.ask("EXISTS", "key") == ":0"


def test_a_killed_redis_comes_back_with_its_last_snapshot(redis: Redis) -> None:
    """What was written after the snapshot is gone: a store can come back with the past."""
    redis.ask("SET", "key", "old")
    assert redis.ask("SAVE") == "+OK"
    redis.ask("SET", "key", "new")
    redis.kill()
    redis.start()
    assert redis.ask("GET", "key") == "old"
