"""A real llama.cpp server for tests and benchmarks, with a model that counts (see `llama_model`).

with Llama() as llama:
    ...                 # llama.url, an OpenAI-compatible address that ends in /v1
"""

import importlib.util
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Self

from tests.servers.network import free_ports, wait_until
from tests.servers.process import Process, ServerMissing

__all__ = ["Llama"]

_PROGRAM = Path(__file__).with_name("llama_main.py")


class Llama:
    """One server on a free port; it answers under any model name.

    Attributes:
        url: base address for OpenAI clients.
    """

    def __init__(self, slots: int = 8, context_tokens: int = 1024) -> None:
        """`slots` answers are made at once, each in a context of so many tokens; further requests wait."""
        self._sizes = (str(slots), str(context_tokens))
        self._folder = tempfile.TemporaryDirectory(prefix="streamproc-llama-", ignore_cleanup_errors=True)
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}/v1"
        self.process: Process | None = None

    def __enter__(self) -> Self:
        """Starts it.

        Raises:
            ServerMissing: its packages are not installed, or it does not answer.
        """
        for package in ("xllamacpp", "gguf"):
            if importlib.util.find_spec(package) is None:
                raise ServerMissing(f"the llama.cpp server needs the Python package {package}, which is not installed")
        from tests.servers.llama_model import write_model  # noqa: PLC0415 its packages may be missing

        folder = Path(self._folder.name)
        try:
            write_model(folder / "model.gguf")
            command = (sys.executable, str(_PROGRAM), str(folder / "model.gguf"), str(self._port), *self._sizes)
            self.process = Process(command, folder / "llama.log")
            wait_until(self._is_ready, self.process, "The llama.cpp server")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process and removes its files; a second call does nothing."""
        if self.process is not None:
            self.process.kill()
        self._folder.cleanup()

    def _is_ready(self) -> bool:
        """It answers 503 while it loads its model."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health", timeout=1) as response:
                return bool(response.status == 200)
        except OSError:
            return False
