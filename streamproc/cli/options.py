"""Options that several commands share, and how they find their settings."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streamproc.settings import Settings, load_settings

__all__ = ["ConfigFile", "settings_of"]

ConfigFile = Annotated[
    Path | None,
    Parameter(
        name=["--config", "-c"],
        help="Settings file (TOML). Default: $STREAMPROC_CONFIG, else ./streamproc.toml if it exists.",
    ),
]


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
