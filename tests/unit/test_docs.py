"""The documentation can be followed: its links, settings, commands and variables exist."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from streamproc.cli.commands import build_app
from streamproc.settings.load import load_settings
from streamproc.settings.provider import ProviderSettings
from streamproc.settings.settings import Settings
from tests.unit.pages import OPERATIONS, PAGES, ROOT, blocks, codes, commands, prose, spans, table

_SETTING = re.compile(
    r"(?:billing|cache|shared_limits|kafka|topics|worker|chunks|limits|retry|breaker|budgets|observe|timeouts|providers)\.[\w.]+"
)
_VARIABLE = re.compile(r"STREAMPROC_\w+__\w+")


def texts(language: str) -> list[str]:
    """All code blocks in this language."""
    found = [block for page in PAGES for block in blocks(page.read_text(encoding="utf-8"), language)]
    assert found
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """To a file or folder of the repository and, with an anchor, to a heading in it."""
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose(target), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}, link


@pytest.mark.parametrize("text", texts("toml"))
def test_every_settings_example_is_accepted(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each TOML block is a file that `streamproc config check` takes."""
    for name in [name for name in os.environ if name.startswith("STREAMPROC_")]:
        monkeypatch.delenv(name)
    (tmp_path / "streamproc.toml").write_text(text, encoding="utf-8")
    load_settings(tmp_path / "streamproc.toml")


@pytest.mark.parametrize("words", [words for text in texts("sh") for words in commands(text)], ids=" ".join)
def test_every_command_in_a_block_can_be_typed(words: list[str]) -> None:
    """The program takes its name, its options and its arguments. Nothing is run."""
    build_app().parse_args(words, exit_on_error=False, print_error=False)


def test_every_command_in_a_sentence_exists() -> None:
    """With its options; arguments may be left out there."""
    app = build_app()
    found = [(page, span, words) for page, span in spans() for words in commands(span)]
    assert found
    for page, span, words in found:
        _, apps, rest = app.parse_commands([word for word in words if word not in ("…", "FILE", "-")])
        command = apps[-1]
        options = {word for word in rest if word.startswith("-")}
        if command.default_command is None:
            assert not rest, f"{page}: {span}"
        elif options:
            known = {name for argument in command.assemble_argument_collection() for name in argument.names}
            assert options <= known, f"{page}: {span}"


def test_every_make_target_exists() -> None:
    """In blocks and in sentences."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    said = [*(line for text in texts("sh") for line in text.splitlines()), *(span for _, span in spans())]
    named = {words[1] for line in said if (words := line.split())[:1] == ["make"]}
    assert named
    assert named <= targets


def test_every_setting_and_variable_exists() -> None:
    """Those that sentences name, with or without a value."""
    named = [match[0] for _, span in spans() if (match := _SETTING.match(span))]
    variables = [match[0] for _, span in spans() if (match := _VARIABLE.match(span))]
    assert named
    assert variables
    for name in (*named, *(name.removeprefix("STREAMPROC_").lower().replace("__", ".") for name in variables)):
        default_of(name)


def test_the_table_of_sizes_tells_the_defaults() -> None:
    """Each row's first setting with its default."""
    for row in table(OPERATIONS, "Sizing"):
        assert row[1] == str(default_of(codes(row[0])[0])), row[0]


def default_of(name: str) -> Any:
    """Default of a setting by its dotted name. A provider's settings stand under `providers.NAME`, or without it."""
    path = name.split(".")
    model: type[BaseModel] = Settings
    if path[0] in ("providers", "timeouts"):
        model, path = ProviderSettings, path[2:] if path[0] == "providers" else path
    default: Any = None
    for part in path:
        assert part in model.model_fields, f"{name} is no setting"
        default = model.model_fields[part].get_default(call_default_factory=True, validated_data={})
        model = type(default) if isinstance(default, BaseModel) else BaseModel
    return default
