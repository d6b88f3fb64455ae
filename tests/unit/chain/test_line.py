"""The line at the limits of a credential: whoever waits keeps its turn, and nobody else is held up by it."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.admission import Admission
from streamproc.chain.breaker import BreakerRules
from streamproc.chain.limits import LimitRules
from streamproc.chain.line import Line, Place
from streamproc.chain.permit import Ask, NotBefore, Permit
from streamproc.chain.tenants import Tenants
from streamproc.errors import CredentialRefused
from tests.fakes import Seen
from tests.unit.chain.simulation import Clock

TOKENS = LimitRules(tokens_per_minute=60_000, tokens_burst=10_000)
"""1,000 a second."""


class Rig:
    """A provider with credentials of these limits, and a time that moves by hand."""

    def __init__(self, *rules: LimitRules, tenant: LimitRules | None = None) -> None:
        self.clock = Clock()
        tenants = Tenants({} if tenant is None else {"*": tenant})
        named = {f"key-{number}": one for number, one in enumerate(rules)}
        self.admission = Admission("p", named, tenants, BreakerRules(), self.clock, Seen())

    def ask(self, queue: str | None, tokens: int, model: str = "m") -> Permit | NotBefore:
        """The head of a queue asks."""
        return self.admission.admit(Ask(model, "t", tokens, queue))

    def wait(self, queue: str | None, tokens: int, model: str = "m") -> float | None:
        """For how long it is held; None when it is let in."""
        verdict = self.ask(queue, tokens, model)
        return verdict.seconds if isinstance(verdict, NotBefore) else None


@pytest.mark.parametrize("large", [9000, 10_000, 15_000])
def test_a_large_call_gets_in_among_small_ones_without_end(large: int) -> None:
    """It was told a wait, and each time it came small calls of another model had taken all room: so for ever."""
    rig = Rig(TOKENS)
    while rig.wait("small", 100) is None:
        pass
    told = rig.wait("large", large) or 0.0
    assert told == pytest.approx(min(large, 10_000) / 1000 + 0.1)  # the small one that was refused goes first
    passed = 0
    while rig.clock.now < told:
        passed += rig.wait("small", 100) is None
        rig.clock.now = min(rig.clock.now + 0.01, told)
    assert passed == 1
    assert rig.wait("large", large) is None
    assert rig.wait("small", 100) == pytest.approx((large - 10_000) / 1000 + 0.1 if large > 10_000 else 0.1)


@given(st.integers(0, 2**32), st.integers(2, 8), st.floats(60, 6000), st.integers(1, 50))
def test_a_wait_that_was_told_is_kept(seed: int, queues: int, requests: float, burst: int) -> None:
    """Whatever others come, of whatever size, and whatever they give back; and no window has more than it may."""
    random = Random(seed)
    tokens, tokens_burst = requests * 1000, burst * random.uniform(500, 2000)
    rig = Rig(LimitRules(requests, burst, tokens, tokens_burst))
    waits: dict[str, tuple[float, float, int]] = {}  # when to come, when at the latest, with how many tokens
    running: list[tuple[Permit, int]] = []
    calls = used = last = 0.0
    for _ in range(300):
        free = [name for name in map(str, range(queues)) if name not in waits]
        soonest = min(waits, key=lambda name: waits[name][0], default=None)
        if soonest is not None and (not free or random.random() < 0.5):
            name = soonest
            at, latest, amount = waits.pop(name)
            rig.clock.now = max(at, rig.clock.now)
        else:
            name, amount = random.choice(free), int(tokens_burst * random.choice((0.01, 0.3, 1.0, 1.5)))
            step = random.expovariate(requests / 60)
            rig.clock.now += min(step, max(0.0, waits[soonest][0] - rig.clock.now)) if soonest else step
            latest = float("inf")
        now = rig.clock.now
        calls, used = (
            max(0.0, level - (now - last) * rate / 60) for level, rate in ((calls, requests), (used, tokens))
        )
        last = now
        if running and random.random() < 0.3:
            permit, estimated = running.pop(random.randrange(len(running)))
            permit.began()
            permit.ended(None, None, is_complete=True)
            used = max(0.0, used - estimated)
        verdict = rig.ask(name, amount)
        if isinstance(verdict, NotBefore):
            assert now < latest - 1e-6
            waits[name] = (now + verdict.seconds, min(latest, now + verdict.seconds), amount)
        else:
            assert now <= latest + 1e-3
            running.append((verdict, amount))
            calls, used = calls + 1, used + amount
            assert calls <= burst + 1e-3
            assert used <= max(tokens_burst, amount) * (1 + 1e-6)


def test_who_does_not_come_loses_its_place_soon() -> None:
    """Its run was cancelled, or something else holds it; until then it is as if it had been called."""
    rig = Rig(TOKENS)
    assert rig.wait("small", 9000) is None
    assert rig.wait("large", 10_000) == pytest.approx(9.0)
    assert rig.wait("small", 100) == pytest.approx(9.1)
    rig.clock.now += 9.2
    assert rig.wait("other", 500) is not None
    rig.clock.now += 0.1
    assert rig.wait("other", 500) is None


def test_a_model_that_is_away_holds_up_no_other_one() -> None:
    """It waited at the limit of the credential, and then its breaker opened: its place goes at once."""
    rig = Rig(TOKENS)
    first = rig.ask("sick", 9000, "sick")
    assert isinstance(first, Permit)
    assert rig.wait("sick", 9000, "sick") == pytest.approx(8.0)
    assert rig.wait("well", 500, "well") == pytest.approx(8.5)
    first.began()
    first.ended(CredentialRefused("401", provider="p", status_code=401), None, is_complete=False)
    verdict = rig.ask("sick", 9000, "sick")
    assert isinstance(verdict, NotBefore)
    assert verdict.reason == "breaker"
    assert rig.wait("well", 9500, "well") is None


def test_a_queue_waits_at_one_credential() -> None:
    """Room that is kept at both would be kept for one call."""
    rig = Rig(TOKENS, TOKENS)
    assert [rig.wait("small", 9000), rig.wait("small", 5000)] == [None, None]
    assert rig.wait("large", 10_000) == pytest.approx(5.0)
    assert rig.wait("small", 1000) is None  # with the first one, where nobody waits
    assert rig.wait("small", 1000) == pytest.approx(1.0)


def test_a_place_is_kept_while_there_are_too_many_calls() -> None:
    """Else small ones would take the tokens while a large one waits for a slot, and the slot while it waits for them."""
    rig = Rig(LimitRules(tokens_per_minute=60_000, tokens_burst=10_000, max_concurrent=2))
    first, second = rig.ask("small", 1000), rig.ask("small", 1000)
    assert isinstance(first, Permit)
    assert isinstance(second, Permit)
    for _ in range(40):
        rig.clock.now += 0.25
        assert rig.wait("large", 10_000) == 0.25
        assert rig.wait("small", 1000) == 0.25
    first.began()
    first.ended(None, None, is_complete=True)
    assert rig.wait("small", 1000) == 0.25
    assert rig.wait("large", 10_000) is None


def test_a_call_that_waits_in_no_queue_goes_behind() -> None:
    """A further try of a run that has a slot: it takes nothing from those that wait, and has no place."""
    rig = Rig(TOKENS)
    assert rig.wait("small", 9000) is None
    assert rig.wait("large", 5000) == pytest.approx(4.0)
    assert rig.wait(None, 500) == pytest.approx(4.5)
    rig.clock.now += 4.0
    assert rig.wait(None, 500) == pytest.approx(0.5)
    assert rig.wait("large", 5000) is None


def test_a_tenant_s_own_limit_has_a_line_too() -> None:
    """Its large call to one model waits behind no more than was there when it came."""
    rig = Rig(LimitRules(), tenant=TOKENS)
    assert rig.wait("small", 10_000) is None
    assert rig.wait("large", 8000) == pytest.approx(8.0)
    rig.clock.now += 4
    assert rig.wait("small", 1000) == pytest.approx(5.0)
    rig.clock.now += 4
    assert rig.wait("large", 8000) is None


def test_before_somebody_are_those_that_came_earlier() -> None:
    """A place that is asked for again is kept, with what is asked for now."""
    line = Line()
    assert line.before("a", 0.0) == ()
    line.join("a", 5, 1.0)
    line.join("b", 7, 1.0)
    line.join("a", 6, 2.0)
    line.join(None, 100, 2.0)
    a, b = Place(6, 2.0), Place(7, 1.0)
    assert [line.before(who, 1.0) for who in ("a", "b", "c", None)] == [[], [a], [a, b], [a, b]]
    line.leave("a")
    assert [line.before("b", 1.0), line.before("c", 1.0), line.before("c", 1.25)] == [[], [b], []]
    assert repr(line) == "Line()"


def test_there_are_few_places() -> None:
    """A thousand tenants wait at one limit, and each that asks looks at all before it: that took a second a round."""
    line = Line()
    for number in range(1000):
        line.join(str(number), 1, 10.0)
    first = len(line.before(None, 0.0))
    assert first == len(line.before("999", 0.0)) < 100
    line.leave("0")
    line.join("999", 1, 10.0)
    line.join("998", 1, 10.0)
    assert [len(line.before(who, 0.0)) for who in ("999", "998", None)] == [first - 1, first, first]
