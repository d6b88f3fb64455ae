"""The subcommands by name, each imported when it is called, or when its sentence is to be listed."""

from typing import Any

from cyclopts import App

from streamproc import __version__

__all__ = ["build_app"]


class _Program(App):
    """Lists commands with the first line of their docstrings; cyclopts alone knows it of imported ones only."""

    def help_print(self, tokens: Any = None, **options: Any) -> None:
        _, apps, _ = self.parse_commands(tokens)
        for name in apps[-1]:
            apps[-1][name]  # imports it
        super().help_print(tokens, **options)


def build_app() -> App:
    """All commands."""
    app = _Program(
        name="streamproc",
        help="LLM calls as one more Kafka stream: requests in, tokens, results and a trustworthy bill out.",
        version=__version__,
        result_action="return_value",
    )
    app.command("streamproc.cli.demo:demo")
    app.command("streamproc.cli.run:run")
    app.command("streamproc.cli.submit:submit")
    app.command("streamproc.cli.follow:follow")
    app.command("streamproc.cli.cancel:cancel")
    topics = App(name="topics", help="Create the topics, or check that they fit.")
    topics.command("streamproc.cli.topics:create")
    topics.command("streamproc.cli.topics:check")
    offsets = App(name="offsets", help="See where the group stands, and set it.")
    offsets.command("streamproc.cli.offsets:show")
    offsets.command("streamproc.cli.offsets_reset:reset")
    dead = App(name="dead", help="Look at dead letters, and replay them.")
    dead.command("streamproc.cli.dead:list_letters", name="list")
    dead.command("streamproc.cli.dead:show")
    dead.command("streamproc.cli.dead_replay:replay")
    config = App(name="config", help="Check or show the settings.")
    config.command("streamproc.cli.config:check")
    config.command("streamproc.cli.config:show")
    app.command(topics)
    app.command(offsets)
    app.command(dead)
    app.command(config)
    app.command("streamproc.cli.mock_provider:mock_provider")
    return app
