"""A quarter of a minute of chaos, as everybody's tests have it; CI takes one and a half, and `make chaos` three for each broker."""

import os
import secrets

import pytest

from tests.chaos.campaign import Campaign, Outcome
from tests.chaos.clusters import BrokerKind
from tests.chaos.run import report, run_in_new_folder

SEED = 20_261_121
MINUTES = float(os.environ.get("STREAMPROC_TEST_CHAOS_MINUTES", "0.25"))
REQUESTS = round(2_000 * MINUTES)


def run(broker: BrokerKind, seed: int) -> Outcome:
    """Faults and what it takes to become quiet again, with the figures among the test's output."""
    campaign = Campaign(broker, seed, MINUTES, REQUESTS)
    outcome = run_in_new_folder(campaign)
    print(report(campaign, outcome))
    return outcome


@pytest.mark.timeout(420)
def test_a_short_chaos_run_on_the_embedded_broker() -> None:
    """Its faults are the same every time."""
    outcome = run("embedded", SEED)
    assert (outcome.requests, outcome.crashes) == (REQUESTS, 0)
    assert outcome.counts.faults == {}


@pytest.mark.timeout(420)
def test_a_short_chaos_run_on_kafka(kafka: str) -> None:
    """Other faults each time; a failure prints the seed, by which `make chaos` repeats it."""
    outcome = run("kafka", secrets.randbelow(1_000_000))
    assert (outcome.requests, outcome.crashes) == (REQUESTS, 0)
    assert outcome.counts.faults == {}
