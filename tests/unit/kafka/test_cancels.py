"""Cancels: whose runs they end, how far back they reach, and how many are remembered."""

import pytest

from streamproc.chain.run import Run
from streamproc.kafka.cancels import Cancels
from streamproc.records.control import Cancel
from streamproc.records.identity import RunId
from tests.fakes import a_request, a_run

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000


def known(tenant: str | None = None, most: int = 10) -> Cancels:
    """Cancels that are remembered for seven days."""
    return Cancels(tenant, most, 7 * 86_400)


def by_run(run: Run, tenant: str = "acme") -> Cancel:
    """A cancel of one run."""
    return Cancel(kind="cancel", tenant=tenant, run_id=str(run.id))


def by_request(request_id: str = "r-1", tenant: str = "acme") -> Cancel:
    """A cancel of requests."""
    return Cancel(kind="cancel", tenant=tenant, request_id=request_id)


def a_run_of(tenant: str = "acme", offset: int = 0, at_ms: int = NOW_MS, request_id: str = "r-1") -> Run:
    """A run of the tenant, whose request was sent then."""
    request = a_request(tenant=tenant, request_id=request_id)
    return a_run(request=request, id=RunId("llm.requests", 0, offset, at_ms))


def test_a_run_is_ended_by_its_own_id_and_its_own_tenant() -> None:
    """Whenever its request was sent; another run, or the same one for another tenant, is not meant."""
    cancels, run = known(), a_run_of()
    assert not cancels.cover(run)
    assert cancels.add(by_run(run), NOW_MS - 5, NOW_MS) == "taken"
    assert cancels.cover(run)
    assert not cancels.cover(a_run_of(offset=1))
    assert not cancels.cover(a_run_of(tenant="evil"))
    assert not cancels.cover(a_run_of(at_ms=NOW_MS + 1))


def test_a_cancel_that_names_another_tenant_does_nothing() -> None:
    """Also when it knows the run's id."""
    cancels, run = known(), a_run_of()
    cancels.add(by_run(run, "evil"), NOW_MS, NOW_MS)
    cancels.add(by_request("r-1", "evil"), NOW_MS, NOW_MS)
    assert not cancels.cover(run)


@pytest.mark.parametrize(("sent_at_ms", "is_meant"), [(NOW_MS - 1, True), (NOW_MS, True), (NOW_MS + 1, False)])
def test_a_request_id_reaches_back_from_the_cancel(sent_at_ms: int, is_meant: bool) -> None:
    """The same millisecond is earlier; a request sent later under the same id lives."""
    cancels = known()
    cancels.add(by_request(), NOW_MS, NOW_MS)
    assert cancels.cover(a_run_of(at_ms=sent_at_ms)) is is_meant


def test_a_later_cancel_of_the_same_id_reaches_further() -> None:
    """And an earlier one that is read after it, from another partition, takes nothing back."""
    cancels = known()
    for at_ms in (NOW_MS, NOW_MS + 10, NOW_MS + 5):
        cancels.add(by_request(), at_ms, NOW_MS)
    assert cancels.cover(a_run_of(at_ms=NOW_MS + 10))
    assert len(cancels) == 1


def test_a_request_id_that_looks_like_a_run_id_is_none() -> None:
    """A sender chooses request ids freely."""
    cancels, run = known(), a_run_of()
    cancels.add(by_request(str(run.id)), NOW_MS, NOW_MS)
    assert not cancels.cover(run)
    assert cancels.cover(a_run_of(request_id=str(run.id)))


def test_the_topic_of_one_tenant_cancels_for_no_other() -> None:
    """Whoever may write there can only speak for it."""
    cancels = known("acme")
    assert cancels.add(by_request(tenant="evil"), NOW_MS, NOW_MS) == "wrong_tenant"
    assert cancels.add(by_request(), NOW_MS, NOW_MS) == "taken"
    assert not cancels.cover(a_run_of("evil"))
    assert cancels.cover(a_run_of())


def test_old_cancels_are_forgotten() -> None:
    """What they could mean is no longer on a request topic."""
    cancels = known()
    assert cancels.add(by_request("r-1"), NOW_MS - 7 * DAY_MS - 1, NOW_MS) == "too_old"
    assert cancels.add(by_request("r-2"), NOW_MS - 7 * DAY_MS, NOW_MS) == "taken"
    assert len(cancels) == 1
    cancels.add(by_request("r-3"), NOW_MS, NOW_MS + 1)
    assert len(cancels) == 1


def test_above_the_cap_the_oldest_is_forgotten() -> None:
    """And it is told; a repeated one takes no room of its own and counts as new."""
    cancels = known(most=2)
    for request_id in ("r-1", "r-2", "r-1"):
        assert cancels.add(by_request(request_id), NOW_MS, NOW_MS) == "taken"
    assert cancels.add(by_request("r-3"), NOW_MS, NOW_MS) == "too_many"
    assert len(cancels) == 2
    left = [name for name in ("r-1", "r-2", "r-3") if cancels.cover(a_run_of(request_id=name))]
    assert left == ["r-1", "r-3"]
