"""`streamproc config`: check and show."""

import sys

from streamproc.cli.options import ConfigFile, settings_of
from streamproc.records.codec import encode_pretty

__all__ = ["check", "show"]


def check(*, config: ConfigFile = None) -> int:
    """Say what is wrong in the settings. Exit code 2 when something is."""
    settings = settings_of(config)
    providers = ", ".join(settings.providers) or "none"
    print(f"ok: {len(settings.sources)} sources, providers: {providers}")  # noqa: T201 the command line speaks
    return 0


def show(*, config: ConfigFile = None) -> int:
    """Show every setting as it is in force, as JSON. Secrets are masked."""
    sys.stdout.buffer.write(encode_pretty(settings_of(config)) + b"\n")
    return 0
