"""The bill: what is written to its tables, and what is read from them."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import NamedTuple

from streamproc.billing.database import Database, KeyExists
from streamproc.billing.intake import Intake
from streamproc.billing.line import BilledLine
from streamproc.billing.sums import DAYS, HOURS, ROLLUPS, SUMS, Sorted, Taken, sort_out, sums_of
from streamproc.billing.sums_proof import wrong_sums_question
from streamproc.billing.tables import LINES, TABLES, VERSION
from streamproc.billing.total import Total
from streamproc.errors import SetupError

__all__ = ["Bill", "Noted", "SumRow"]

_TABLE = {table.name: table for table in TABLES}
_COLUMNS = ", ".join(BilledLine._fields)
_ADD = {
    rollup.table: ", ".join(f"{name} = {rollup.table}.{name} + excluded.{name}" for name in SUMS) for rollup in ROLLUPS
}
_DAYS_HAVE = {"tenant", "provider", "model", "day"}
_TOTAL = (
    "COUNT(*)",
    "SUM(CASE WHEN cost_nanos IS NULL THEN 1 ELSE 0 END)",
    *(f"SUM(COALESCE({name}, 0))" for name in ("cost_nanos", "input_tokens", "output_tokens")),
)
_WRONG_SUMS = [wrong_sums_question(rollup) for rollup in ROLLUPS]
_PARTITIONS_AT_ONCE = 200  # in one condition; databases bound its depth


class SumRow(NamedTuple):
    """Sums of one group: its keys in the order asked for (an empty text is none), its basis, values as in `SUMS`."""

    keys: tuple[str | int, ...]
    basis: str
    sums: tuple[int, ...]


class Noted(NamedTuple):
    """What the bill does not hold though the topic did: conflicts, unreadable records, and records that were gone."""

    conflicts: int
    unreadable: int
    missed: int


class Bill:
    """A bill in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check_version(self, *, create: bool) -> None:
        """Looks at the version of the tables, and writes it where there is none.

        Raises:
            SetupError: a newer program made them.
        """
        if create:
            async with self._database.transaction():
                if not await self._database.select("SELECT version FROM usage_store"):
                    await self._database.append(_TABLE["usage_store"], [(VERSION,)])
        [(version,)] = await self._database.select("SELECT MAX(version) FROM usage_store")
        if version is None or version > VERSION:
            raise SetupError(f"the bill has tables of version {version}; this program knows {VERSION}: upgrade it")

    async def offsets(self, topic: str) -> dict[int, int]:
        """The next offset of each partition that was read."""
        rows = await self._database.select("SELECT partition, next_offset FROM usage_offsets WHERE topic = $1", topic)
        return dict(rows)

    async def has_lines(self, topic: str, partition: int) -> bool:
        """Whether a line of this partition is on the bill."""
        found = await self._database.select(
            "SELECT 1 FROM usage_lines WHERE topic = $1 AND partition = $2 LIMIT 1", topic, partition
        )
        return bool(found)

    async def unreadable(self, topic: str) -> list[tuple[int, int]]:
        """Partition and offset of each record that was noted because it could not be read, in their order."""
        return [
            (partition, offset)
            for partition, offset in await self._database.select(
                "SELECT partition, record_offset FROM usage_unreadable WHERE topic = $1"
                " ORDER BY partition, record_offset",
                topic,
            )
        ]

    async def forget_offsets(self, topic: str) -> None:
        """The topic will be read from its beginning; lines that are there will be passed over."""
        async with self._database.transaction():
            await self._database.select("DELETE FROM usage_offsets WHERE topic = $1", topic)

    async def put(self, intake: Intake, noted_us: int) -> Sorted:
        """Stores lines, sums and offsets in one transaction.

        Raises:
            SetupError: another process has moved the offsets meanwhile, or the database is away; nothing is stored.
        """
        try:
            return await self._put(intake, noted_us, look=False)
        except KeyExists:  # a line that comes again is seldom: so none is looked for before
            return await self._put(intake, noted_us, look=True)

    async def _put(self, intake: Intake, noted_us: int, *, look: bool) -> Sorted:
        database, topic = self._database, intake.topic
        async with database.transaction():
            stored = await self.offsets(topic)
            if any(stored.get(partition) != before for partition, (before, _) in intake.steps.items()):
                raise SetupError("another `streamproc billing run` writes to the same bill: run only one of them")
            found = sort_out(intake.taken, await self._known(intake.taken) if look else {})
            if found.new:
                await database.append(LINES, [(*one.line, topic, one.partition, one.offset) for one in found.new])
                lines = [one.line for one in found.new]
                for rollup in ROLLUPS:
                    await database.merge(_TABLE[rollup.table], sums_of(lines, rollup), _ADD[rollup.table])
            await self._note(
                "usage_conflicts",
                ((topic, one.partition, one.offset, one.line.usage_id, one.value, noted_us) for one in found.conflicts),
            )
            await self._note("usage_unreadable", ((topic, *one, noted_us) for one in intake.unreadable))
            for one in intake.taken if intake.again else ():
                await database.select(
                    "DELETE FROM usage_unreadable WHERE topic = $1 AND partition = $2 AND record_offset = $3",
                    topic,
                    one.partition,
                    one.offset,
                )
            await self._note("usage_gaps", ((topic, *one, noted_us) for one in intake.gaps))
            if steps := [(topic, partition, after) for partition, (_, after) in intake.steps.items()]:
                await database.merge(_TABLE["usage_offsets"], steps, "next_offset = excluded.next_offset")
        return found

    async def _known(self, taken: Iterable[Taken]) -> dict[str, BilledLine]:
        ids = list({one.line.usage_id for one in taken})
        rows = await self._database.among(f"SELECT {_COLUMNS} FROM usage_lines WHERE usage_id", ids)
        return {row[0]: BilledLine(*row) for row in rows}

    async def _note(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        if noted := list(rows):
            await self._database.merge(_TABLE[table], noted, "")

    async def noted(self) -> Noted:
        """What was noted beside the lines, ever."""
        [row] = await self._database.select(
            "SELECT (SELECT COUNT(*) FROM usage_conflicts), (SELECT COUNT(*) FROM usage_unreadable),"
            " (SELECT CAST(COALESCE(SUM(until_offset - record_offset), 0) AS BIGINT) FROM usage_gaps)"
        )
        return Noted(*row)

    async def span(self) -> tuple[int, int] | None:
        """The first and the last hour that is on the bill, since 1970; None for an empty one."""
        [(first, last)] = await self._database.select(
            f"SELECT (SELECT MIN(hour) FROM {HOURS.table}), (SELECT MAX(hour) FROM {HOURS.table})"
        )
        return None if first is None else (first, last)

    async def providers(self) -> set[str]:
        """Those that a line on the bill names."""
        return {name for (name,) in await self._database.select(f"SELECT DISTINCT provider FROM {DAYS.table}")}

    async def sums(self, by: Sequence[str], from_hour: int, until_hour: int) -> list[SumRow]:
        """Sums by these keys (tenant, model, provider, feature, user, day, hour) and by basis, in no order.

        `day` and `hour` are numbers since 1970, in UTC; hours count by when a call began.
        """
        rollup = DAYS if set(by) <= _DAYS_HAVE and not (from_hour % 24 or until_hour % 24) else HOURS
        names = {"user": "user_name", "day": f"{rollup.time} / {24 // rollup.hours}"}
        keys = [names.get(key, key) for key in by]
        groups = ", ".join([*keys, "basis"])
        sums = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in SUMS)
        rows = await self._database.select(
            f"SELECT {groups}, {sums} FROM {rollup.table} WHERE {rollup.time} >= $1 AND {rollup.time} < $2"
            f" GROUP BY {groups}",
            from_hour // rollup.hours,
            until_hour // rollup.hours,
        )
        return [SumRow(row[: len(keys)], row[len(keys)], row[len(keys) + 1 :]) for row in rows]

    async def lines(self, provider: str, from_us: int, until_us: int) -> AsyncIterator[list[BilledLine]]:
        """The lines of calls to a provider that began in a period."""
        async with self._database.snapshot():
            async for rows in self._database.scroll(
                f"SELECT {_COLUMNS} FROM usage_lines WHERE provider = $1 AND started_us >= $2 AND started_us < $3",
                provider,
                from_us,
                until_us,
            ):
                yield [BilledLine(*row) for row in rows]

    async def found(self, usage_ids: Sequence[str]) -> dict[str, tuple[tuple[str, int, int], BilledLine]]:
        """The lines with these ids, each with where it was read: topic, partition, offset."""
        rows = await self._database.among(
            f"SELECT topic, partition, record_offset, {_COLUMNS} FROM usage_lines WHERE usage_id", usage_ids
        )
        return {row[3]: (row[:3], BilledLine(*row[3:])) for row in rows}

    async def totals_of_lines(self, topic: str, spans: Mapping[int, tuple[int, int]]) -> dict[str, Total]:
        """Totals by tenant of the lines that were read between these offsets, by partition."""
        totals: dict[str, Total] = {}
        wanted = list(spans.items())
        for start in range(0, len(wanted), _PARTITIONS_AT_ONCE):
            within = " OR ".join(
                f"(partition = {partition} AND record_offset >= {begin} AND record_offset < {end})"
                for partition, (begin, end) in wanted[start : start + _PARTITIONS_AT_ONCE]
            )
            for tenant, total in (await self._totals(f"usage_lines WHERE topic = $1 AND ({within})", topic)).items():
                known = totals.get(tenant, Total())
                totals[tenant] = Total(*(one + more for one, more in zip(known, total, strict=True)))
        return totals

    async def _totals(self, source: str, *values: object) -> dict[str, Total]:
        sums = ", ".join(f"CAST({one} AS BIGINT)" for one in _TOTAL)
        rows = await self._database.select(f"SELECT tenant, {sums} FROM {source} GROUP BY tenant", *values)
        return {row[0]: Total(*row[1:]) for row in rows}

    async def totals(self) -> dict[str, Total]:
        """Totals by tenant of all lines."""
        return await self._totals("usage_lines")

    async def wrong_sums(self) -> list[str]:
        """Tenants of whom a row of sums is not that of their lines, whatever it is a sum by; all of one moment."""
        wrong: set[str] = set()
        async with self._database.snapshot():
            for question in _WRONG_SUMS:
                wrong |= {tenant for (tenant,) in await self._database.select(question)}
        return sorted(wrong)

    async def close(self) -> None:
        """Ends the connection."""
        await self._database.close()
