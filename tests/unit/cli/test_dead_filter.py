"""Which dead letters are meant."""

import pytest

from streamproc.cli.dead_filter import Filter, Period, moment_ms
from streamproc.errors import SetupError
from streamproc.kafka.letter import Letter, Original
from streamproc.records.dead_letter import DeadLetter

NOW = 1_764_000_000.0


def a_letter(
    offset: int = 0,
    written_ms: int = 5,
    tenant: str | None = None,
    code: str = "c",
    reason: str = "r",
    topic: str = "t",
) -> Letter:
    """A letter of partition 0."""
    told = DeadLetter(
        reason=reason,
        code=code,
        run_id=f"{topic}/0/{offset}@1",
        topic=topic,
        partition=0,
        offset=offset,
        timestamp_ms=1,
    )
    return Letter(told, written_ms, tenant, 1, Original(None, b"v", ()), None)


def offsets(filters: Filter, *letters: Letter) -> list[int]:
    """Which of them pass, in their order."""
    return [letter.told.offset for letter in filters.choose(letters, filters.period(NOW))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 1_763_999_970_000),
        ("15m", 1_763_999_100_000),
        ("2h", 1_763_992_800_000),
        ("7d", 1_763_395_200_000),
        ("1w", 1_763_395_200_000),
        ("999999999w", 0),
        ("2025-11-24T16:00:00Z", 1_764_000_000_000),
        ("2025-11-24T16:00:00.250+01:00", 1_763_996_400_250),
        ("1960-01-01T00:00:00Z", 0),
    ],
)
def test_a_time_is_absolute_or_so_long_ago(text: str, expected: int) -> None:
    """Nothing is before 1970: Kafka gives negative times a meaning of their own."""
    assert moment_ms("--since", text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "2", "2 h", "-2h", "2H", "٢h", "1h30m", "2026-01-31", "2026-02-30T00:00:00Z", "now"]
)
def test_anything_else_is_refused_with_the_options_name(text: str) -> None:
    """And with an example of either form."""
    with pytest.raises(SetupError, match=r"--until: .* is neither .*2026-01-31T12:00:00Z.*2h"):
        moment_ms("--until", text, NOW)


def test_a_period_includes_its_ends() -> None:
    """So a time that was copied from a list finds the letter it belongs to."""
    period = Period(5, 7)
    assert [moment for moment in range(4, 9) if moment in period] == [5, 6, 7]
    assert 0 in Period(None, 7)
    assert 9 in Period(5, None)


def test_every_condition_counts() -> None:
    """Each alone, and all together."""
    letters = [
        a_letter(0, 1, "acme", "not_json", "No JSON", "t"),
        a_letter(1, 2, "acme", "empty", "no value", "t"),
        a_letter(2, 3, None, "not_json", "no JSON", "t"),
        a_letter(3, 4, "acme", "not_json", "no JSON", "u"),
    ]
    assert offsets(Filter(), *letters) == [0, 1, 2, 3]
    assert offsets(Filter(tenant="acme"), *letters) == [0, 1, 3]
    assert offsets(Filter(code="not_json"), *letters) == [0, 2, 3]
    assert offsets(Filter(contains="no json"), *letters) == [0, 2, 3]
    assert offsets(Filter(topic="t"), *letters) == [0, 1, 2]
    assert offsets(Filter(until="1970-01-01T00:00:00.002Z"), *letters) == [0, 1]
    assert offsets(Filter(since="1970-01-01T00:00:00.003Z"), *letters) == [2, 3]
    assert offsets(Filter(tenant="acme", code="not_json", contains="json", topic="t", since="9999d"), *letters) == []
    assert offsets(Filter(tenant="acme", code="not_json", contains="json", topic="t"), *letters) == [0]


def test_the_newest_come_last_and_a_limit_keeps_them() -> None:
    """Partitions come in any order; equal times keep the order of their records."""
    letters = [a_letter(3, 9), a_letter(2, 5), a_letter(1, 5), a_letter(0, 7)]
    assert offsets(Filter(), *letters) == [1, 2, 0, 3]
    assert offsets(Filter(limit=2), *letters) == [0, 3]
    assert offsets(Filter(limit=9), *letters) == [1, 2, 0, 3]


def test_a_run_with_two_letters_is_meant_once() -> None:
    """A worker that died between letter and commit leaves two; one replay is wanted."""
    assert offsets(Filter(), a_letter(1, 5), a_letter(1, 6)) == [1]


def test_an_empty_filter_is_known_as_such() -> None:
    """A replay of everything has to be said, not to happen."""
    assert Filter().is_empty
    assert not Filter(limit=1).is_empty
    assert not Filter(contains="").is_empty


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (Filter(limit=0), "--limit: 0 is not at least 1"),
        (Filter(since="1h", until="2h"), "--since 1h is later than --until 2h"),
    ],
)
def test_what_can_match_nothing_is_refused(filters: Filter, words: str) -> None:
    """In one sentence."""
    with pytest.raises(SetupError, match=words):
        filters.period(NOW)
