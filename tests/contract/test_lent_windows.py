"""Leased limits are as exact as those of one process: no window of any length has more than its part and the burst.

Processes fetch, call, hang, end calls early or never make them, in any order; time is a number, and the seed's.
"""

from collections.abc import Iterator
from itertools import count
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis as Connection

from streamproc.chain.limits import LimitRules, Limits
from tests.contract.harness.borrowers import Caller, Made, Store, Worker
from tests.contract.harness.windows import excess
from tests.servers.redis import Redis

RULES = LimitRules(tokens_per_minute=6000, tokens_burst=100)
"""A hundred a second. A lease lives 0.1 s, so ninety are lent at once."""

_numbers = count()


@pytest.fixture
def connection(redis: Redis) -> Iterator[Connection]:
    """A client of the test's own Redis."""
    with Connection.from_url(redis.url) as made:
        yield made


def drive(workers: list[Worker], callers: list[Caller], random: Random, now: float) -> None:
    """Some hundred steps, some in a hurry and some not; now and then all want all there is, at once."""
    for _ in range(8):
        pause = random.choice((0.0, 0.002, 0.02, 0.05, 0.1))
        weights = [random.choice((0, 1, 5)) for _ in range(3)]
        for _ in range(40):
            now += pause * random.random()
            for worker in workers:
                while worker.is_asking and worker.answered_by <= now:
                    worker.fetch(worker.answered_by)
            step = random.choices(("end", "call", "fetch", "rush"), (*weights, 1))[0]
            if step == "end":
                random.choice(callers).end(now)
            elif step == "call":
                random.choice(callers).call(now)
            elif step == "fetch":
                random.choice(workers).fetch(now)
            else:
                rush(workers, callers, random, now)


def rush(workers: list[Worker], callers: list[Caller], random: Random, now: float) -> None:
    """Everybody asks and calls, until nothing comes any more."""
    for _ in range(random.choice((1, 6))):
        for worker, caller in zip(workers, callers, strict=True):
            caller.call(now)
            worker.fetch(now)


rules_of_all_kinds = st.builds(
    lambda a_second, seconds, tokens: LimitRules(
        requests_per_minute=60 * a_second,
        requests_burst=max(1.0, a_second * seconds),
        tokens_per_minute=60 * a_second * tokens,
        tokens_burst=max(1.0, a_second * tokens * seconds),
    ),
    st.floats(1, 100),
    st.sampled_from((0.1, 0.5, 1.0, 5.0)),
    st.integers(1, 50),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), rules_of_all_kinds)
def test_leased(connection: Connection, seed: int, rules: LimitRules) -> None:
    """What went back when it had flowed off was there twice: a window could have far more than the burst."""
    random, store = Random(seed), Store(connection, f"t{next(_numbers)}")
    made: list[Made] = []
    workers = [Worker(f"process {number}", rules, store) for number in range(3)]
    drive(workers, [Caller(worker.limits, rules, random, made) for worker in workers], random, 20.0)
    held(made, rules)


def test_what_is_lent_and_not_spent_does_not_leave_for_an_estimate(connection: Connection) -> None:
    """A call's end corrected its estimate, and what left the store was another's lease: both spent it."""
    one, two, three = three_workers(connection)
    call = one.enter(90, 20.0)
    two.limits.hold(90, 30.0)
    two.ask(30.0)
    one.ask(30.01)
    call.leave(0, 30.02)
    one.ask(30.02)
    assert three.limits.hold(90, 30.03) is not None
    three.ask(30.03)
    assert two.limits.hold(90, 30.05) is None
    assert three.limits.hold(90, 30.05) is not None


def test_what_stood_behind_a_gap_has_flowed_off_sooner(connection: Connection) -> None:
    """A lease went back from before another; of that one five are left when it goes back, and not all."""
    one, two, three = three_workers(connection)
    first, second = one.enter(40, 20.0), two.enter(40, 20.0)
    first.leave(None, 20.0)
    one.ask(20.0)
    three.enter(80, 20.35)
    second.leave(None, 20.35)
    two.ask(20.35)
    assert three.limits.hold(20, 20.35) is not None
    three.ask(20.35)
    assert three.limits.due_in(20.35) == pytest.approx(0.1)


def test_a_mark_of_a_sum_that_redis_lost_gives_nothing_back(connection: Connection) -> None:
    """All counts as used up then; what was lent before would have left that."""
    worker = Worker("one", RULES, Store(connection, "t"))
    call = worker.enter(50, 20.0)
    connection.flushall()
    call.leave(None, 20.1)
    worker.ask(20.1)
    assert worker.limits.hold(1, 20.1) is not None
    worker.ask(20.1)
    assert worker.limits.due_in(20.1) == pytest.approx(0.11)


def test_what_a_call_used_beyond_its_estimate_is_counted_when_it_ends(connection: Connection) -> None:
    """Also where the bucket was empty meanwhile."""
    worker = Worker("one", RULES, Store(connection, "t"))
    worker.enter(10, 20.0).leave(90, 30.0)
    assert worker.limits.hold(30, 30.0) is not None
    worker.ask(30.0)
    assert worker.limits.due_in(30.0) == pytest.approx(0.2)


def three_workers(connection: Connection) -> tuple[Worker, Worker, Worker]:
    """Of one store."""
    store = Store(connection, "t")
    return Worker("one", RULES, store), Worker("two", RULES, store), Worker("three", RULES, store)


@given(st.integers(0, 2**32), rules_of_all_kinds)
def test_of_one_process(seed: int, rules: LimitRules) -> None:
    """The same bound, exactly, though calls are let in, wait, and are never made."""
    random, now = Random(seed), 0.0
    made: list[Made] = []
    caller = Caller(Limits(rules), rules, random, made)
    for _ in range(400):
        now += random.choice((0.0, 0.002, 0.02, 1.0)) * random.random()
        random.choice((caller.call, caller.end))(now)
    held(made, rules)


def held(made: list[Made], rules: LimitRules) -> None:
    """Both limits were; a time is a whole number of microseconds to Redis."""
    assert rules.requests_per_minute is not None
    assert rules.tokens_per_minute is not None
    requests = excess([(one.at, one.requests) for one in made], rules.requests_per_minute)
    tokens = excess([(one.at, one.tokens) for one in made], rules.tokens_per_minute)
    assert requests <= rules.requests_burst + rules.requests_per_minute / 60 * 2e-6 + 1e-6
    assert tokens <= rules.tokens_burst + rules.tokens_per_minute / 60 * 2e-6 + 1e-6
