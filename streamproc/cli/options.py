"""Options that several commands share, and how they find their settings."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from streamproc.errors import InvalidRequest, SetupError
from streamproc.records.identity import RunId
from streamproc.settings.load import load_settings
from streamproc.settings.settings import Settings

__all__ = ["ConfigFile", "Port", "RunNames", "StalledSeconds", "run_ids_of", "settings_of"]

_LAST_PORT = 65_535

ConfigFile = Annotated[
    Path | None,
    Parameter(
        name=["--config", "-c"],
        help="Settings file (TOML). Default: $STREAMPROC_CONFIG, else ./streamproc.toml if it exists.",
    ),
]

RunNames = Annotated[
    str,
    Parameter(
        help="Run ids as `submit` prints them, or - to read them from standard input.", allow_leading_hyphen=True
    ),
]


def _check_port(kind: Any, port: int) -> None:
    del kind
    if not 0 <= port <= _LAST_PORT:
        raise SetupError(f"--port: {port} is no port; there are 1 to {_LAST_PORT}, and 0 takes a free one")


def _check_stalled(kind: Any, seconds: float) -> None:
    del kind
    if not seconds > 0:  # nor is it, when it is no number
        raise SetupError(f"--stalled-seconds: {seconds:g} is not above 0; say inf to wait for ever")


Port = Annotated[int, Parameter(validator=_check_port)]
"""A port to listen on; a command adds its own help."""

StalledSeconds = Annotated[
    float,
    Parameter(help="Stop waiting when nothing came for so long; inf waits for ever.", validator=_check_stalled),
]


def run_ids_of(names: Iterable[str]) -> list[RunId]:
    """The runs of a command line, each once; `-` stands for those on standard input.

    Raises:
        SetupError: one of them is no run id.
    """
    words = [word for name in names for word in (sys.stdin.read().split() if name == "-" else [name])]
    try:
        return [RunId.parse(word) for word in dict.fromkeys(words)]
    except InvalidRequest as error:
        raise SetupError(str(error)) from error


def settings_of(config: Path | None) -> Settings:
    """The settings in force.

    Raises:
        SetupError: what is wrong in them.
    """
    if config is None and (named := os.environ.get("STREAMPROC_CONFIG")):
        config = Path(named)
    if config is None and Path("streamproc.toml").exists():
        config = Path("streamproc.toml")
    return load_settings(config)
