"""`python -m tests.chaos.budget --seed 7`: a race for a budget, and its figures.

The seed comes first, the counts last; the exit code is 1 when one is not zero: what was overspent by the provider's own
bill, what is still held when all is quiet, what was lost or doubled. Without kills the share of the cap that was used
says how well it is used.
"""

import argparse
import asyncio
import logging
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.race import Outcome, Race, race
from tests.chaos.race_redis import shared
from tests.servers.redis import Redis

__all__ = ["run_in_new_folder"]


def run_in_new_folder(plan: Race) -> Outcome:
    """Runs a race and prints what happens; the folder is kept when a count is not zero."""
    started = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - started:7.1f}  {words}", flush=True)

    print(f"seed {plan.seed}: {plan}", flush=True)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="streamproc-race-"))
    outcome: Outcome | None = None
    try:
        outcome = asyncio.run(race(plan, folder, say))
    finally:
        if outcome is not None and outcome.is_good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs are in {folder}", flush=True)
    print(outcome, flush=True)
    return outcome


def _outcome(plan: Race, faults: int | None) -> Outcome:
    if faults is None:
        return run_in_new_folder(plan)
    with Redis() as redis, shared(plan, redis, faults) as whole:
        return run_in_new_folder(whole)


def main() -> int:
    """Reads the options, runs, prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.budget", description="A race for a budget, counted.")
    parser.add_argument("--broker", choices=("kafka", "kafka3", "embedded"), default="embedded")
    parser.add_argument("--seed", type=int, default=None, help="a random one by default")
    parser.add_argument("--seeds", type=int, default=1, help="so many races, the seed of each one higher")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=2, help="workers that are killed and replaced")
    parser.add_argument("--redis", type=int, default=None, help="three workers, and so many faults of their Redis")
    options = parser.parse_args()
    first = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    plans = [
        Race(options.broker, seed, requests=options.requests, kills=options.kills)
        for seed in range(first, first + options.seeds)
    ]
    bad = [plan.seed for plan in plans if not _outcome(plan, options.redis).is_good]
    print(f"races={len(plans)} bad={len(bad)} seeds of bad ones: {bad or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
