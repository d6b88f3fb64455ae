"""The command `streamproc` and its subcommands. A user's mistake is one sentence and exit code 2, never a traceback."""

import logging
import sys

from cyclopts import App

from streamproc import __version__
from streamproc.errors import StreamprocError

__all__ = ["main"]


def build_app() -> App:
    """The commands, each imported when it is called."""
    app = App(
        name="streamproc",
        help="LLM calls as one more Kafka stream: requests in, tokens, results and a trustworthy bill out.",
        version=__version__,
        result_action="return_value",
    )
    topics = App(name="topics", help="Create the topics, or check that they fit.")
    topics.command("streamproc.cli.topics:create", name="create", help="Create the topics that are missing.")
    topics.command("streamproc.cli.topics:check", name="check", help="Say what is missing or misaligned.")
    config = App(name="config", help="Check or show the settings.")
    config.command("streamproc.cli.config:check", name="check", help="Say what is wrong in the settings.")
    config.command("streamproc.cli.config:show", name="show", help="Show every setting as it is in force.")
    app.command("streamproc.cli.run:run", name="run", help="Run a worker until SIGTERM or Ctrl-C.")
    app.command("streamproc.cli.submit:submit", name="submit", help="Publish requests from a JSONL file.")
    app.command("streamproc.cli.follow:follow", name="follow", help="Show the streams of runs.")
    app.command(topics)
    app.command(config)
    app.command(
        "streamproc.cli.mock_provider:mock_provider",
        name="mock-provider",
        help="Serve a mock provider that counts what it served.",
    )
    return app


def main() -> None:
    """Runs the command of this process and exits."""
    # What a library says about a failure would stand beside our sentence; the worker takes it into its own log.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        code = build_app()()
    except StreamprocError as error:
        print(f"streamproc: {error}", file=sys.stderr)  # noqa: T201 the command line speaks
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output is gone, for example `| head`: nothing is left to say.
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
