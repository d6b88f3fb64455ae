"""Reads the documentation: blocks, tables, code spans and commands of its Markdown pages."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "OPERATIONS",
    "PAGES",
    "RECORDS",
    "ROOT",
    "blocks",
    "codes",
    "commands",
    "examples",
    "prose",
    "spans",
    "table",
]

ROOT = Path(__file__).parents[2]
OPERATIONS, RECORDS = ROOT / "docs/operations.md", ROOT / "docs/records-and-topics.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    """The code blocks in this language."""
    return [content for name, content in _BLOCK.findall(text) if name == language]


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def codes(text: str) -> list[str]:
    """The code spans of a text without blocks."""
    return re.findall(r"`([^`\n]+)`", text)


def spans() -> Iterator[tuple[str, str]]:
    """Every code span in sentences and tables, after the name of its page."""
    for page in PAGES:
        for span in codes(prose(page)):
            yield page.name, span


def _section(page: Path, heading: str) -> str:
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page.name} has no heading {heading!r}"
    return found[1]


def table(page: Path, heading: str, number: int = 0) -> list[list[str]]:
    """Cells of a table below this heading and above the next one."""
    tables = re.findall(r"(?:^\|.*\n)+", _section(page, heading), re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in tables[number].splitlines()[2:]]


def examples(page: Path, heading: str) -> list[bytes]:
    """Lines of the JSON blocks below this heading and above the next one."""
    return [line.encode() for block in blocks(_section(page, heading), "json") for line in block.splitlines()]


def commands(text: str) -> Iterator[list[str]]:
    """Arguments of each call of our program in shell text, without variables before it and without its neighbours."""
    for line in text.splitlines():
        for part in re.split(r"\s(?:\||&&)\s", line):
            # A sentence may hold what no shell takes, such as an apostrophe.
            words = shlex.split(part, comments=True) if part.count("'") % 2 == 0 else part.split()
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                del words[0]
            if words[:1] == ["streamproc"]:
                yield words[1:]
