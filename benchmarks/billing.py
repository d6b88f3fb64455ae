"""The billing job: usage lines a second from the topic into each database, beside a bare insert loop of the same rows.

python -m benchmarks.billing                          200,000 lines, on a broker just for this run
python -m benchmarks.billing --report 5000000         how long a report of a month by tenant takes over so many lines
"""

import argparse
import asyncio
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.broker import running_broker
from streamproc.billing.aggregate import Aggregation
from streamproc.billing.bill import Bill
from streamproc.billing.database import create_statement
from streamproc.billing.happenings import Happening
from streamproc.billing.intake import Intake
from streamproc.billing.line import BilledLine, read_line
from streamproc.billing.opening import open_bill
from streamproc.billing.store_postgres import PostgresDatabase
from streamproc.billing.sums import Taken
from streamproc.billing.tables import LINES
from streamproc.cli.run import calm_collector, loop_factory
from streamproc.kafka.reader import Place, Record
from streamproc.kafka.usage_reader import UsageReader
from streamproc.settings.billing import BillingSettings
from streamproc.settings.load import load_settings
from streamproc.settings.settings import Settings
from tests.e2e.usage_lines import UsageLines
from tests.e2e.workplace import Workplace
from tests.servers.postgres import Postgres
from tests.servers.process import ServerMissing

_PARTITIONS = 4
_BATCH = 5_000
_MONTH_SECONDS = 31 * 86_400
_JANUARY_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """In the loop that the command has."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)


class _Deaf:
    def saw(self, happening: Happening) -> None:
        pass


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", help="a running cluster; default: a broker just for this run")
    parser.add_argument("--lines", type=int, default=200_000, help="usage lines (default %(default)s)")
    parser.add_argument("--report", type=int, help="measure a report over so many lines instead")
    parser.add_argument("--store", action="append", choices=("sqlite", "postgres"), help="only this database")
    return parser.parse_args()


def _stores(said: Any, folder: Path, stack: ExitStack) -> Iterator[tuple[str, str, str]]:
    """Name and two addresses, of the bill and of the bare loop's table."""
    chosen = said.store or ("sqlite", "postgres")
    if "sqlite" in chosen:
        yield "SQLite", f"sqlite:{folder / 'bill.sqlite'}", str(folder / "bare.sqlite")
    if "postgres" in chosen:
        try:
            server = stack.enter_context(Postgres())
        except ServerMissing as missing:
            print(f"PostgreSQL is left out: {missing}")
            return
        yield "PostgreSQL", server.new_database(), server.new_database()


def _rows(usage: UsageLines, topic: str) -> list[tuple[Any, ...]]:
    return [
        (*read_line(Record(Place(topic, one), offset, 0, None, value, ())), topic, one, offset)
        for one in range(usage.partitions)
        for offset, value in enumerate(usage.values(one))
    ]


async def _bare(address: str, rows: list[tuple[Any, ...]]) -> float:
    """Seconds of the shortest program that stores these rows: a transaction for each 5,000, one table, no sums."""
    if not address.startswith("postgresql:"):
        return _bare_sqlite(address, rows)
    database = await PostgresDatabase.open(address, None, create=True)
    try:
        begin = time.perf_counter()
        for start in range(0, len(rows), _BATCH):
            async with database.transaction():
                await database.append(LINES, rows[start : start + _BATCH])
        return time.perf_counter() - begin
    finally:
        await database.close()


def _bare_sqlite(path: str, rows: list[tuple[Any, ...]]) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(create_statement(LINES, {"text": "TEXT", "integer": "INTEGER"}))
    insert = f"INSERT INTO {LINES.name} VALUES ({', '.join('?' * len(LINES.columns))})"  # noqa: S608 our own name
    begin = time.perf_counter()
    for start in range(0, len(rows), _BATCH):
        connection.execute("BEGIN")
        connection.executemany(insert, rows[start : start + _BATCH])
        connection.execute("COMMIT")
    seconds = time.perf_counter() - begin
    connection.close()
    return seconds


async def _job(settings: Settings, store: str) -> tuple[int, float, float]:
    """Lines, seconds and seconds of CPU of a job from an empty bill to the end of the topic."""
    async with open_bill(BillingSettings(store=store), create=True) as bill, UsageReader.connect(settings) as reader:
        job = Aggregation(
            reader,
            settings.topics.usage,
            bill,
            _Deaf(),
            skip_unreadable=False,
            time=time.time,
            monotonic=time.monotonic,
        )
        begin, cpu = time.perf_counter(), time.process_time()
        tally = await job.run(asyncio.Event(), until_end=True)
        return tally.lines, time.perf_counter() - begin, time.process_time() - cpu


def _measure_jobs(said: Any, folder: Path, stack: ExitStack) -> None:
    broker = stack.enter_context(running_broker(said.bootstrap, folder))
    prefix = f"billing{secrets.token_hex(4)}"
    place = stack.enter_context(Workplace(folder, broker.bootstrap, prefix, partitions=_PARTITIONS))
    settings = load_settings(place.settings)
    usage = UsageLines(_PARTITIONS, said.lines // _PARTITIONS)
    usage.fill(broker.bootstrap, settings.topics.usage)
    rows = _rows(usage, settings.topics.usage)
    print(f"{len(rows):,} usage lines in {_PARTITIONS} partitions of {broker.name}")
    for name, store, bare in _stores(said, folder, stack):
        alone = _run(_bare(bare, rows))
        lines, seconds, cpu = _run(_job(settings, store))
        print(
            f"{name:<11} {lines / seconds:9,.0f} lines/s ({cpu / lines * 1e6:.0f} µs of CPU a line);"
            f" bare insert loop {len(rows) / alone:9,.0f} rows/s: {alone / seconds:.2f} of it"
        )


async def _fill(bill: Bill, count: int) -> None:
    """Lines of a month: 200 tenants with 20 users each, 6 models, 3 features, spread evenly."""
    (value,) = islice(UsageLines(1, 1).values(0), 1)
    line = read_line(Record(Place("t", 0), 0, 0, None, value, ()))._asdict()
    for start in range(0, count, 4 * _BATCH):
        end = min(start + 4 * _BATCH, count)
        taken = []
        for number in range(start, end):
            began = _JANUARY_US + number * _MONTH_SECONDS * 1_000_000 // count
            spread = number * 2_654_435_761 % 2**32  # any two neighbours differ in everything
            fields = line | {
                "usage_id": f"llm.requests/0/{number}@1760000000000/1760000000000/1",
                "tenant": f"tenant-{spread % 200}",
                "user_name": f"user-{spread % 4000}",
                "model": f"model-{spread // 4000 % 6}",
                "feature": ("chat", "search", "mail")[spread // 24_000 % 3],
                "cost_nanos": number,
                "started_us": began,
                "ended_us": began,
            }
            taken.append(Taken(0, number, BilledLine(**fields), b""))
        await bill.put(Intake("t", {0: (start or None, end)}, taken), 0)


async def _reports(name: str, store: str, count: int) -> None:
    async with open_bill(BillingSettings(store=store), create=True) as bill:
        begin = time.perf_counter()
        await _fill(bill, count)
        print(f"{name}: {count:,} lines stored in {time.perf_counter() - begin:.0f} s")
    first = _JANUARY_US // 3_600_000_000
    for by in (["tenant"], ["tenant", "model", "day"], ["user"]):
        begin = time.perf_counter()
        async with open_bill(BillingSettings(store=store), create=False) as bill:
            rows = await bill.sums(by, first, first + _MONTH_SECONDS // 3600)
        total = sum(row.sums[0] for row in rows)
        seconds = time.perf_counter() - begin
        print(f"{name}: a month by {', '.join(by)}: {seconds:.2f} s, {len(rows):,} rows, {total:,} lines")


def main() -> None:
    """Measures what was asked for."""
    said = _arguments()
    calm_collector()  # as the command does
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamproc-billing-")))
        if said.report is None:
            _measure_jobs(said, folder, stack)
            return
        for name, store, _ in _stores(said, folder, stack):
            _run(_reports(name, store, said.report))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except ServerMissing as exc:
        sys.exit(f"benchmark stopped: {exc}")
