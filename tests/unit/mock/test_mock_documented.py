"""What is said of the mock provider is what it does: its page, and the help of its command."""

import io
from dataclasses import fields

from rich.console import Console

from streamproc.cli.commands import build_app
from streamproc.mock.faults.catalogue import FAULTS, fault_table
from streamproc.mock.shapes.table import SHAPES
from streamproc.mock.stats import Call
from tests.unit.pages import ROOT, codes, table

PAGE = ROOT / "docs/mock-provider.md"


def test_the_table_of_faults_is_the_code() -> None:
    """Every fault with all its cells, in the same order."""
    assert [
        tuple(cell.strip("`") if place == 0 else cell for place, cell in enumerate(row))
        for row in table(PAGE, "Faults")
    ] == fault_table()
    assert len(fault_table()) == len(FAULTS)


def test_the_table_of_paths_is_the_code() -> None:
    """Every path with its shape's name."""
    assert {codes(row[0])[0]: codes(row[1])[0] for row in table(PAGE, "Paths")} == {
        path: shape.name for path, shape in SHAPES.items()
    }


def test_the_table_of_the_bill_is_the_code() -> None:
    """Every field of a call."""
    assert [codes(row[0])[0] for row in table(PAGE, "The bill")] == [field.name for field in fields(Call)]


def test_the_help_lists_every_fault() -> None:
    """With its sentence, beside the ordinary text of the command."""
    written = io.StringIO()
    build_app().help_print(["mock-provider"], console=Console(file=written, width=220))
    lines = [" ".join(line.split()) for line in written.getvalue().splitlines()]
    assert any(line.startswith("Serve the APIs of OpenAI, Anthropic and Ollama") for line in lines)
    for name, mixed, sentence, _, number in fault_table():
        expected = " ".join(f"{name} {mixed} {sentence} {number}".replace("`", "").split())
        assert expected in lines
