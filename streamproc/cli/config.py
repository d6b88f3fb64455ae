"""`streamproc config`: check and show."""

import sys

from streamproc.cli.options import ConfigFile, settings_of
from streamproc.records.codec import encode_pretty
from streamproc.route_rules import load_rules

__all__ = ["check", "show"]


def check(*, config: ConfigFile = None) -> int:
    """Say what is wrong in the settings, and in the rules that they name. Exit code 2 when something is."""
    settings = settings_of(config)
    load_rules(settings.routes)
    providers = ", ".join(settings.providers) or "none"
    routes = f", routes: {', '.join(settings.routes)}" if settings.routes else ""
    print(f"ok: {len(settings.sources)} sources, providers: {providers}{routes}")  # noqa: T201 the command line speaks
    return 0


def show(*, config: ConfigFile = None) -> int:
    """Show every setting as it is in force, as JSON. Secrets are masked."""
    sys.stdout.buffer.write(encode_pretty(settings_of(config)) + b"\n")
    return 0
