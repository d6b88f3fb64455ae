"""`python -m tests.chaos.run --broker kafka --seed 7 --minutes 3 --requests 3500`: one chaos run and its figures.

The seed comes first, the counts last; the exit code is 1 when a count is not zero. Logs of brokers and workers are kept
in a temporary folder when something went wrong, and its name is printed.
"""

import argparse
import asyncio
import logging
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.campaign import RECOVERY_SECONDS, Campaign, Outcome, run
from tests.chaos.recovery import Recovery
from tests.servers.process import ServerMissing

__all__ = ["report", "run_in_new_folder"]

_BOUNDS = {"kill": RECOVERY_SECONDS, "leave": 2.0}
"""Seconds within which partitions stream again."""


def run_in_new_folder(campaign: Campaign) -> Outcome:
    """Runs a campaign and prints what happens; the folder is kept when a count is not zero."""
    started = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - started:7.1f}  {words}", flush=True)

    print(f"seed {campaign.seed}: {campaign}", flush=True)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # of brokers that are away there is nothing new to say
    folder = Path(tempfile.mkdtemp(prefix="streamproc-chaos-"))
    is_good = False
    try:
        outcome = asyncio.run(run(campaign, folder, say))
        is_good = not outcome.counts.faults
        return outcome
    finally:
        if is_good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs are in {folder}", flush=True)


def report(campaign: Campaign, outcome: Outcome) -> str:
    """The figures; the last line has the counts."""
    faults = " ".join(f"{kind}={number}" for kind, number in sorted(Counter(outcome.faults).items()))
    sent = f"requests={outcome.requests} refused={outcome.refused} calls={outcome.calls}"
    bills = " ".join(f"{basis}={number}" for basis, number in sorted(outcome.bought_twice.items()))
    bought = f"{sum(outcome.bought_twice.values())}, by their bills {bills or 'none'} (in flight in killed and frozen workers: {outcome.may_be_bought_twice})"
    departed = {kind: [item for item in outcome.recoveries if item.departure.kind == kind] for kind in _BOUNDS}
    lines = (
        f"broker={campaign.broker} seed={campaign.seed} {sent} settled_seconds={outcome.settle_seconds:.1f}",
        f"faults: {faults} workers_ended_by_themselves={outcome.crashes}",
        f"calls bought twice: {bought}",
        f"estimated lines of streams that ended early: {outcome.estimates}",
        *(_describe(kind, _BOUNDS[kind], found) for kind, found in departed.items()),
        str(outcome.counts),
    )
    return "\n".join(lines)


def _describe(kind: str, bound: float, found: Sequence[Recovery]) -> str:
    calm = [item.seconds for item in found if item.is_calm]
    every = [item.seconds for item in found]
    late = sum(seconds > bound for seconds in calm)
    return (
        f"partitions that stream again after a {kind}: {len(every)}, {_spread(every)};"
        f" without another fault meanwhile: {len(calm)}, {_spread(calm)}, {late} later than {bound:g} s"
    )


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    return f"p50 {ordered[len(ordered) // 2]:.1f} s, max {ordered[-1]:.1f} s"


def main() -> int:
    """Reads the options, runs, prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run", description="Workers under faults, counted.")
    parser.add_argument("--broker", choices=("kafka", "kafka3", "embedded"), default="embedded")
    parser.add_argument("--seed", type=int, default=None, help="a random one by default")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long requests and faults come")
    parser.add_argument("--requests", type=int, default=10_000, help="sent evenly over the time")
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    campaign = Campaign(options.broker, seed, options.minutes, options.requests)
    try:
        outcome = run_in_new_folder(campaign)
    except ServerMissing as missing:
        print(f"this run is not possible here: {missing}", file=sys.stderr)
        return 2
    print(report(campaign, outcome))
    return 1 if outcome.counts.faults else 0


if __name__ == "__main__":
    sys.exit(main())
