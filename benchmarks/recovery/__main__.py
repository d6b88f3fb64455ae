"""Measures how workers recover, with real processes: `python -m benchmarks.recovery`.

kill     one of three workers is killed: when do its partitions stream again, and which calls are bought twice?
restart  the same with names in the group (kafka.instance_id), and started again at once: do the others stop?
stop     one is stopped: when do its partitions stream again?
rolling  all three are stopped and started anew, one by one: is a call lost, or bought twice?
scale    workers join and leave: is a call bought twice in a partition that stays?
visible  how soon do readers of committed records see a result?
open     one is killed in open transactions: do the results of others go on to be visible?

The broker is Apache Kafka; where Java is missing it is the embedded one, in a process of its own, and the run says so.
Settings are the defaults, but for names, addresses, and the longest time of a call. The load is light, so that what is
measured is waiting and not a core that is full. A token counts when a reader in this process has it.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.broker import running_broker
from benchmarks.measure import busy_seconds, cpu_seconds
from benchmarks.recovery.faults import kill, restart, stop
from benchmarks.recovery.figures import Figure, content, rendered
from benchmarks.recovery.moves import rolling, scale
from benchmarks.recovery.stage import CALL_SECONDS, PARTITIONS, Plan
from benchmarks.recovery.visibility import open_transaction, visible
from streamproc.settings.kafka import KafkaSettings
from tests.servers.process import ServerMissing

SCENARIOS: dict[str, Callable[[Plan], Awaitable[list[Figure]]]] = {
    "kill": kill,
    "restart": restart,
    "stop": stop,
    "rolling": rolling,
    "scale": scale,
    "visible": visible,
    "open": open_transaction,
}

_TOLD = (
    "session_timeout_seconds",
    "heartbeat_interval_seconds",
    "rebalance_timeout_seconds",
    "commit_interval_min_seconds",
    "commit_interval_max_seconds",
)
_CORES = os.cpu_count() or 1


def arguments() -> Any:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.recovery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bootstrap", help="a running cluster; default: a broker just for this run")
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="scenarios; repeatable")
    parser.add_argument(
        "--repeat",
        type=int,
        help="faults of each kind (default: 10 kills, restarts and stops, 4 open transactions, 1 rolling restart,"
        " from 3 to 5 workers and back twice, 20 seconds of visibility once)",
    )
    parser.add_argument(
        "--rate", type=float, default=3.0, help="requests per second and partition (default %(default)g)"
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser.parse_args()


async def measure(plan: Plan, scenarios: list[str], broker: int | None) -> dict[str, list[Figure]]:
    """Takes all measurements; `broker` is the process id of a broker that is ours."""
    figures = {}
    for name in scenarios:
        begin, busy, own = time.monotonic(), _busy_seconds(), _own_seconds(broker)
        figures[name] = await SCENARIOS[name](plan)
        seconds = time.monotonic() - begin
        shares = [
            (now - then) / seconds / _CORES for now, then in ((_busy_seconds(), busy), (_own_seconds(broker), own))
        ]
        title = "{}: {:.0f} s, cores {:.0%} busy, {:.0%} with this".format(name, seconds, *shares)
        print(rendered(title, figures[name]), flush=True)
    return figures


def _busy_seconds() -> float:
    return sum(busy_seconds(core) for core in range(_CORES))


def _own_seconds(broker: int | None) -> float:
    """CPU time of this process, of those that it started and that ended, and of the broker."""
    times = os.times()
    own = times.user + times.system + times.children_user + times.children_system
    return own + (0.0 if broker is None else cpu_seconds(broker))


def main() -> None:
    """Starts the servers, measures, prints the table and ends the servers, also when it is interrupted."""
    said = arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it warns of retries while a new topic finds its leader
    scenarios = [name for name in SCENARIOS if name in (said.only or SCENARIOS)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamproc-recovery-")))
        broker = stack.enter_context(running_broker(said.bootstrap, folder))
        kafka = KafkaSettings()
        setup = {
            "broker": broker.name,
            "cores": _CORES,
            "workers": 3,
            "partitions": PARTITIONS,
            "requests_per_second": said.rate * PARTITIONS,
            "call_timeout_seconds": CALL_SECONDS,
            **{name: getattr(kafka, name) for name in _TOLD},
            "transaction_timeout_seconds": kafka.session_timeout_seconds * 0.6,
        }
        print(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in setup.items()))
        figures = asyncio.run(measure(Plan(broker.bootstrap, folder, said.rate, said.repeat), scenarios, broker.pid))
    if said.json:
        said.json.write_text(
            json.dumps({"setup": setup, "figures": content(figures)}, indent=2) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (ServerMissing, TimeoutError, RuntimeError) as exc:
        sys.exit(f"benchmark stopped: {exc}")
