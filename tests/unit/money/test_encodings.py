"""The encodings: the same as tiktoken's, built without network or environment, refused when damaged."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from tiktoken_ext import openai_public  # type: ignore[import-untyped]  # a plugin folder without py.typed

from streamproc.errors import SetupError
from streamproc.money.encodings import CL100K, DATA, O200K, RankFile, load_encoding

OFFLINE = """
import os, sys
forbidden = []
sys.addaudithook(lambda event, _: forbidden.append(event) if event.startswith(("socket.", "urllib.")) else None)
before = dict(os.environ)
from streamproc.money.tokens import TokenCounter
counter = TokenCounter()
counter.load(["gpt-4o", "gpt-4"])
print(counter.count("gpt-4o", "hello world").tokens, counter.count("gpt-4", "hello world").tokens)
print(forbidden, os.environ == before)
"""


_loaded = cache(load_encoding)
"""For what does not change them."""


def test_hello_world_has_the_published_ranks() -> None:
    """Both encodings give the ranks that OpenAI's own tools give."""
    assert _loaded(O200K).encode_ordinary("hello world") == [24912, 2375]
    assert _loaded(CL100K).encode_ordinary("hello world") == [15339, 1917]


@pytest.mark.parametrize("ranks", [O200K, CL100K], ids=lambda ranks: ranks.encoding)
def test_definition_equals_that_of_the_installed_tiktoken(ranks: RankFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file passes the check of tiktoken itself, and texts are split by the same pattern."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(DATA))
    theirs = openai_public.ENCODING_CONSTRUCTORS[ranks.encoding]()
    assert theirs["pat_str"] == ranks.pattern
    assert theirs["mergeable_ranks"] == _loaded(ranks)._mergeable_ranks


def test_damaged_rank_file_is_an_error_and_stays_where_it_is(tmp_path: Path) -> None:
    """A changed byte is noticed, the sentence names the file, and nothing is deleted or fetched."""
    damaged = tmp_path / CL100K.file
    content = bytearray((DATA / CL100K.file).read_bytes())
    content[1000] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(SetupError, match=f"{CL100K.file}.*damaged.*install streamproc again"):
        load_encoding(CL100K, tmp_path)
    assert damaged.read_bytes() == content


def test_missing_rank_file_is_an_error(tmp_path: Path) -> None:
    """An incomplete installation gives one clear sentence."""
    shutil.copy(DATA / CL100K.file, tmp_path)
    with pytest.raises(SetupError, match=f"cannot read the token ranks .*{O200K.file}"):
        load_encoding(O200K, tmp_path)


def test_loading_and_counting_open_no_socket_and_change_no_variable() -> None:
    """An audit hook of the interpreter sees neither a socket nor a change of the environment."""
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["2 2", "[] True"]
