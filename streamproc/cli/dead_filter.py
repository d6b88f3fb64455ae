"""Which dead letters are meant: the options that `dead list` and `dead replay` share."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter
from pydantic import TypeAdapter, ValidationError

from streamproc.errors import SetupError
from streamproc.kafka.letter import Letter
from streamproc.records.shapes import Timestamp

__all__ = ["Filter", "Period", "moment_ms"]

_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Period:
    """Unix milliseconds, both included; None is open."""

    since_ms: int | None
    until_ms: int | None

    def __contains__(self, moment: int) -> bool:
        is_early = self.since_ms is not None and moment < self.since_ms
        return not is_early and (self.until_ms is None or moment <= self.until_ms)


@Parameter(name="*")
@dataclass(frozen=True)
class Filter:
    """What a dead letter has to be, all of it at once."""

    code: Annotated[str | None, Parameter(help="Only with this code, for example not_json.")] = None
    tenant: Annotated[
        str | None, Parameter(help="Only of this tenant, where it is known: pinned by the source, or in readable JSON.")
    ] = None
    topic: Annotated[str | None, Parameter(help="Only from this request topic.")] = None
    contains: Annotated[str | None, Parameter(help="Only with this text in the reason; case does not count.")] = None
    since: Annotated[
        str | None, Parameter(help="Refused at this time or later: RFC 3339, or how long ago (30s, 15m, 2h, 7d, 1w).")
    ] = None
    until: Annotated[str | None, Parameter(help="Refused at this time or earlier, written like --since.")] = None
    limit: Annotated[int | None, Parameter(help="Only so many, the newest ones.")] = None

    @property
    def is_empty(self) -> bool:
        """Whether every letter passes."""
        return self == Filter()

    def period(self, now: float) -> Period:
        """The time that is meant; `now` is in unix seconds.

        Raises:
            SetupError: a time is no time, the two are in the wrong order, or the limit is below 1.
        """
        if self.limit is not None and self.limit < 1:
            raise SetupError(f"--limit: {self.limit} is not at least 1")
        since = None if self.since is None else moment_ms("--since", self.since, now)
        until = None if self.until is None else moment_ms("--until", self.until, now)
        if since is not None and until is not None and since > until:
            raise SetupError(f"--since {self.since} is later than --until {self.until}")
        return Period(since, until)

    def choose(self, letters: Iterable[Letter], period: Period) -> list[Letter]:
        """The letters that pass, the newest last; one for each run, though a crash may have left two."""
        passed = {letter.told.run_id: letter for letter in letters if self.passes(letter, period)}
        ordered = sorted(passed.values(), key=_age)
        return ordered if self.limit is None else ordered[-self.limit :]

    def passes(self, letter: Letter, period: Period) -> bool:
        """Whether a letter is meant; the limit is not looked at."""
        told = letter.told
        return (
            letter.written_ms in period
            and self.code in {None, told.code}
            and self.tenant in {None, letter.tenant}
            and self.topic in {None, told.topic}
            and (self.contains is None or self.contains.casefold() in told.reason.casefold())
        )


def _age(letter: Letter) -> tuple[int, str, int, int]:
    told = letter.told
    return letter.written_ms, told.topic, told.partition, told.offset


def moment_ms(option: str, text: str, now: float) -> int:
    """Unix milliseconds of an RFC 3339 time, or of a duration before `now` (unix seconds); never before 1970.

    Raises:
        SetupError: it is neither; the sentence names the option.
    """
    duration = _DURATION.fullmatch(text)
    if duration is not None:
        return max(int((now - int(duration[1]) * _SECONDS[duration[2]]) * 1000), 0)
    try:
        moment: datetime = TypeAdapter[datetime](Timestamp).validate_python(text)
    except ValidationError as exc:
        raise SetupError(
            f"{option}: {text[:80]!r} is neither an RFC 3339 time like 2026-01-31T12:00:00Z nor a duration like 2h"
        ) from exc
    return max(int(moment.timestamp() * 1000), 0)
