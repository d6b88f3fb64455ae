"""A minute of chaos, as everybody's tests have it; `make chaos` takes ten."""

import secrets

import pytest

from tests.chaos.campaign import Campaign, Outcome
from tests.chaos.clusters import BrokerKind
from tests.chaos.run import report, run_in_new_folder

SEED = 20_261_121


def run(broker: BrokerKind, seed: int) -> Outcome:
    """Half a minute of faults and what it takes to become quiet again, with the figures among the test's output."""
    campaign = Campaign(broker, seed, minutes=0.5, requests=1_000)
    outcome = run_in_new_folder(campaign)
    print(report(campaign, outcome))
    return outcome


@pytest.mark.timeout(300)
def test_a_short_chaos_run_on_the_embedded_broker() -> None:
    """Its faults are the same every time."""
    outcome = run("embedded", SEED)
    assert (outcome.requests, outcome.crashes) == (1_000, 0)
    assert outcome.counts.faults == {}


@pytest.mark.timeout(300)
def test_a_short_chaos_run_on_kafka(kafka: str) -> None:
    """Other faults each time; a failure prints the seed, by which `make chaos` repeats it."""
    outcome = run("kafka", secrets.randbelow(1_000_000))
    assert (outcome.requests, outcome.crashes) == (1_000, 0)
    assert outcome.counts.faults == {}
