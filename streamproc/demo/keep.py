"""What `--keep` adds: the demo stays up, and a second terminal finds everything it needs in a temporary folder."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from rich.console import Console

from streamproc.demo.stage import Stage
from streamproc.errors import SetupError
from streamproc.observe.events import Happening, RunEnded
from streamproc.observe.observers import Observers

__all__ = ["keep_running"]

_HELLO = (
    '{"request_id": "hello-1", "tenant": "me", "model": "mock-t60-i8-f60",'
    ' "messages": [{"role": "user", "content": "Why is the sky blue?"}]}\n'
    '{"request_id": "hello-2", "tenant": "me", "model": "mock-t100-i12-f120-cutonce35",'
    ' "messages": [{"role": "user", "content": "And the sea?"}]}\n'
)


async def keep_running(console: Console, stage: Stage, observers: Observers, program: str) -> None:
    """Says how to use what runs, and then what the worker does, until it is cancelled.

    Raises:
        SetupError: the folder cannot be made.
    """
    with ExitStack() as stack:
        folder = _folder(stack, stage.settings_text)
        console.print()
        console.print("Everything keeps running until Ctrl-C. In a second terminal:", style="bold")
        for line in (
            f"export STREAMPROC_CONFIG={quote(str(folder / 'streamproc.toml'))}",
            f"{program} submit {quote(str(folder / 'hello.jsonl'))} --follow",
            f"{program} run    # a second worker: they share the partitions; end it first",
            f"curl {stage.mock.base_url.removesuffix('/v1')}/stats",
        ):
            console.print(f"  {line}", soft_wrap=True)
        console.print()
        observers.add(_Lines(console))
        await asyncio.Event().wait()


def _folder(stack: ExitStack, settings_text: str) -> Path:
    """The folder with its files; it goes with the stack."""
    try:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="streamproc-demo-")))
        (folder / "streamproc.toml").write_text(settings_text, encoding="utf-8")
        (folder / "hello.jsonl").write_text(_HELLO, encoding="utf-8")
    except OSError as exc:
        raise SetupError(
            f"--keep needs a temporary folder: {exc.strerror or exc}; let the variable TMPDIR name one with room"
        ) from exc
    return folder


class _Lines:
    """Prints a line for each run that ends here."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def saw(self, happening: Happening) -> None:
        if isinstance(happening, RunEnded):
            ended = happening
            self._console.print(
                f"{ended.run_id}  {ended.status}  {ended.tenant or '-'}  {ended.model or '-'}  {ended.seconds:.1f} s",
                soft_wrap=True,
            )
