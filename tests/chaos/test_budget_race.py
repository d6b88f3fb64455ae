"""P4 with processes: a thousand requests race for a budget, as everybody's tests have it; `make chaos-budget` takes fifty."""

import pytest

from tests.chaos.budget import run_in_new_folder
from tests.chaos.race import Race
from tests.chaos.race_redis import shared
from tests.servers.redis import Redis


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [20_261_121, 7])
def test_a_race_for_a_budget_with_workers_killed(seed: int) -> None:
    """Nothing is overspent by the provider's own bill, nothing stays held, and every request has its one result."""
    outcome = run_in_new_folder(Race("embedded", seed, kills=1))
    assert outcome.is_good, outcome
    assert outcome.completed + outcome.refused == 1000


@pytest.mark.timeout(300)
def test_a_race_without_faults_uses_the_budget() -> None:
    """All but one worst case of it."""
    outcome = run_in_new_folder(Race("embedded", 1, kills=0))
    assert outcome.is_good, outcome
    assert outcome.spent >= 0.95 * outcome.cap


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [22, 27])
def test_a_race_of_three_workers_whose_redis_is_lost(seed: int, redis: Redis) -> None:
    """A worker is killed, and Redis emptied, killed, frozen or brought back from the past: no cap is passed."""
    with shared(Race("embedded", seed, kills=1), redis, 2) as plan:
        outcome = run_in_new_folder(plan)
    assert outcome.is_good, outcome
    assert outcome.completed + outcome.refused == 1000
