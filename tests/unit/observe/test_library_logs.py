"""Warnings of libraries, which use the standard `logging`, in our own stream."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from streamproc.observe.logs import LibraryLog, configure_logs, install_library_logs


class Lines:
    """A log file, and a clock that stands still until moved."""

    def __init__(self) -> None:
        self.file = io.BytesIO()
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def json(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.file.getvalue().splitlines()]


@pytest.fixture
def lines() -> Lines:
    """An empty log file."""
    return Lines()


@pytest.fixture
def library(lines: Lines) -> Iterator[logging.Logger]:
    """A library's logger, with our stream behind the root logger for the time of one test."""
    installed = install_library_logs(configure_logs("info", "json", file=lines.file), monotonic=lines.monotonic)
    yield logging.getLogger("somelibrary.client")
    logging.getLogger().removeHandler(installed)


def test_warning_of_a_library(lines: Lines, library: logging.Logger) -> None:
    """It comes as a line of our stream, with the library's name and level."""
    library.warning("cannot reach %s", "broker 1")
    library.error("gave up")
    assert [(line["level"], line["event"], line["library"], line["message"]) for line in lines.json()] == [
        ("warning", "library", "somelibrary.client", "cannot reach broker 1"),
        ("error", "library", "somelibrary.client", "gave up"),
    ]


def test_chatter_of_a_library(lines: Lines, library: logging.Logger) -> None:
    """Below warning nothing passes, even when the library's own logger is set to talk."""
    library.setLevel(logging.DEBUG)
    library.info("all is well")
    library.setLevel(logging.NOTSET)
    assert lines.json() == []


def test_library_that_repeats_itself(lines: Lines, library: logging.Logger) -> None:
    """One line a second for each place in its code, with a count; another place is not held back."""
    for round_ in range(3):
        for _ in range(100):
            library.warning("cannot reach broker, try %d", round_)
        library.warning("something else")
        lines.seconds += 1
    assert [(line["message"], line["suppressed"]) for line in lines.json()] == [
        ("cannot reach broker, try 0", 0),
        ("something else", 0),
        ("cannot reach broker, try 1", 99),
        ("something else", 0),
        ("cannot reach broker, try 2", 99),
        ("something else", 0),
    ]


def test_library_with_a_wrong_format(lines: Lines, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Its format string is shown as it is, nothing is raised, and no traceback enters the stream."""
    library_log = LibraryLog(configure_logs("info", "json", file=lines.file))
    # Handed over directly: pytest's own log capture, which also sits on the root logger, raises on such a record.
    library_log.handle(logging.LogRecord("somelibrary", logging.WARNING, "client.py", 1, "%d brokers", ("two",), None))
    assert [line["message"] for line in lines.json()] == ["%d brokers"]
    assert capfdbinary.readouterr().err == b""


def test_library_error_with_a_traceback(lines: Lines, library: logging.Logger) -> None:
    """The traceback is a field of the line."""
    try:
        int("cable")
    except ValueError:
        library.exception("read failed")
    (line,) = lines.json()
    assert (line["level"], line["message"]) == ("error", "read failed")
    assert line["exception"].endswith("ValueError: invalid literal for int() with base 10: 'cable'")


def test_stream_that_is_gone(lines: Lines, library: logging.Logger) -> None:
    """A library's warning into a closed stream does not fail the library."""
    lines.file.close()
    library.warning("anyone there?")


def test_installed_twice(lines: Lines, library: logging.Logger) -> None:
    """The later one replaces the earlier one, so no line comes twice."""
    again = install_library_logs(configure_logs("info", "json", file=lines.file))
    library.warning("once")
    logging.getLogger().removeHandler(again)
    assert [line["message"] for line in lines.json()] == ["once"]
    assert not any(isinstance(present, LibraryLog) for present in logging.getLogger().handlers)
