"""OpenAI's encodings, built from the rank files in this package: no download, no environment variable.

tiktoken's own loader deletes a rank file whose hash is wrong and fetches it again; here a damaged file is an error.
"""

import hashlib
from binascii import a2b_base64
from dataclasses import dataclass
from pathlib import Path

import tiktoken

from streamproc.errors import SetupError

__all__ = ["CL100K", "DATA", "O200K", "RankFile", "load_encoding"]

DATA = Path(__file__).parent / "data"
"""Folder of the rank files."""


@dataclass(frozen=True, slots=True)
class RankFile:
    """What defines an encoding: its ranks (file and sha256) and the pattern that splits a text before merging.

    The file has the name it would have in tiktoken's cache: the sha1 of the address it was published under.
    """

    encoding: str
    file: str
    sha256: str
    pattern: str


# The patterns are tiktoken's (tiktoken_ext/openai_public.py); a test compares them with the installed version.
O200K = RankFile(
    encoding="o200k_base",
    file="fb374d419588a4632f3f557e76b4b70aebbca790",
    sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    pattern=(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
)
CL100K = RankFile(
    encoding="cl100k_base",
    file="9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    pattern=(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ),
)


def load_encoding(ranks: RankFile, folder: Path = DATA) -> tiktoken.Encoding:
    """Reads, checks and builds an encoding. Blocks for 0.2 to 0.4 s and keeps up to 80 MB.

    The encoding knows no special tokens: text that looks like one is counted as text.

    Raises:
        SetupError: the file is missing or damaged.
    """
    path = folder / ranks.file
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise SetupError(
            f"cannot read the token ranks {path}: {exc.strerror or exc}; install streamproc again"
        ) from exc
    if hashlib.sha256(content).hexdigest() != ranks.sha256:
        raise SetupError(
            f"the token ranks {path} ({ranks.encoding}) are damaged: their sha256 is not {ranks.sha256};"
            " install streamproc again"
        )
    # Lines of base64 bytes and rank, of which the first is 0 and each next one greater by 1: the hash says so.
    tokens = content.split()[::2]
    mergeable = dict(zip(map(a2b_base64, tokens), range(len(tokens)), strict=True))
    return tiktoken.Encoding(ranks.encoding, pat_str=ranks.pattern, mergeable_ranks=mergeable, special_tokens={})
