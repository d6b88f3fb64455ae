"""Many requests through the rules of retries, breakers and limits, with a provider that has bad hours.

Twice ten thousand, and twice fifty in CI; STREAMPROC_TEST_SIMULATED_REQUESTS=500000 is a million in all.
"""

import os

import pytest

from tests.unit.chain.books import PER_SECOND, RULES, TENANT, TENANTS
from tests.unit.chain.simulation import Simulation

REQUESTS = int(os.environ.get("STREAMPROC_TEST_SIMULATED_REQUESTS", "10000"))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_promise_is_broken(seed: int) -> None:
    """In any window of time: retries within the budget, one probe at a time, no limit passed by more than its burst.

    Limits are those of credentials and of tenants. Twenty seconds in each two hundred the provider is away: those calls are few. Nothing is lost, and nothing leaks.
    """
    simulation = Simulation(seed, REQUESTS, per_second=30)
    books = simulation.run()
    assert books.completed + books.cancelled + books.expired == REQUESTS
    assert books.expired == 0
    assert books.retries.highest <= 10 * PER_SECOND + 1e-6
    assert books.most_probes == 1
    assert books.all_probes >= simulation.opened() - 1 > 0
    for name, rules in RULES.items():
        assert books.requests[name].highest <= rules.requests_burst + 1e-6
        assert books.tokens[name].highest <= rules.tokens_burst + 1e-6
        assert books.most_running[name] <= (rules.max_concurrent or 0)
    for name in TENANTS:
        assert books.tenants[name].highest <= TENANT.requests_burst + 1e-6
        assert books.most_running[name] <= (TENANT.max_concurrent or 0)
    assert books.tenant_holds > 0
    assert [standing.concurrency.running for standing in simulation.admission.standings()] == [0, 0]
    outages = simulation.clock.now / 200
    assert books.calls_in_outages / outages < 150
    assert books.calls <= 1.2 * REQUESTS
