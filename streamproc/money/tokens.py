"""Token counts without a network: exact for OpenAI's models, estimated by a factor for others.

A bill goes by the provider's usage; these counts bound a call before it, and stand in when no usage came.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import tiktoken
from tiktoken.model import encoding_name_for_model

from streamproc.money.encodings import CL100K, DATA, O200K, RankFile, load_encoding
from streamproc.records.message import Message, ReasoningText, TextPart
from streamproc.records.request import Request

__all__ = ["MESSAGE_TOKENS", "REPLY_TOKENS", "TOOL_TOKENS", "Count", "Family", "Prompt", "TokenCounter", "family"]

MESSAGE_TOKENS = 4
"""Around each message, its role included (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken)."""

REPLY_TOKENS = 3
"""Each prompt ends with the opening of the answer (same source)."""

TOOL_TOKENS = 16
"""Around each tool and each schema of an answer. The same source measured 7 before and 12 after a list of tools."""

_SLICE = 20_000
_MOST_LOOKED_AT = 1_000_000

_CLAUDE_VERSION = re.compile(r"(?<!\d)(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)")
_LAST_OLD_CLAUDE = (4, 6)
_OPENAI = re.compile(r"(chat)?gpt-|o\d")


class Count(NamedTuple):
    """Tokens of a text. `is_exact` speaks of the text alone: chat templates add tokens of their own."""

    tokens: int
    is_exact: bool


class Prompt(NamedTuple):
    """A prompt as our own tokenizer reads it: `raw` tokens of its texts, and what chat templates put around them."""

    raw: int
    allowance: int


@dataclass(frozen=True, slots=True)
class Family:
    """How models of a kind count: ranks, and the percentage of that count they need."""

    ranks: RankFile
    percent: int
    is_exact: bool


def family(model: str) -> Family:
    """The family of a model, by its name; a `provider/` before it does not matter.

    Exact are the names tiktoken knows. An OpenAI name it does not know yet counts as o200k_base. Claude needs about
    130 % of o200k_base up to version 4.6 and 165 % above (measured with ctok 1.3.0 on prose and code); any other
    model is taken for an open one, 120 %.
    """
    name = model.lower().rpartition("/")[2]
    try:
        encoding = encoding_name_for_model(name)
    except KeyError:
        encoding = ""
    if encoding.startswith("o200k"):  # o200k_harmony has the same ranks and other special tokens
        return Family(O200K, 100, is_exact=True)
    if encoding == CL100K.encoding:
        return Family(CL100K, 100, is_exact=True)
    if "claude" in name:
        return Family(O200K, _claude_percent(name), is_exact=False)
    return Family(O200K, 100 if _OPENAI.match(name) else 120, is_exact=False)


def _claude_percent(name: str) -> int:
    version = _CLAUDE_VERSION.search(name.partition("claude")[2])
    if version is None:  # an alias such as claude-latest
        return 165
    return 130 if (int(version[1]), int(version[2] or 0)) <= _LAST_OLD_CLAUDE else 165


class TokenCounter:
    """Counts tokens. An encoding is loaded once, at its first use or by `load`.

    Counting takes about 50 µs per 1,000 characters of prose: texts above 50 kB belong into a thread.
    """

    def __init__(self, folder: Path = DATA) -> None:
        self._folder = folder
        self._encodings: dict[str, tiktoken.Encoding] = {}
        self._families: dict[str, Family] = {}
        self._loading = Lock()

    def load(self, models: Iterable[str]) -> None:
        """Loads what these models need. Blocks for up to 0.4 s per encoding: call it in a thread, before the work.

        Raises:
            SetupError: a rank file is missing or damaged.
        """
        for model in models:
            self._encoding(self.family(model).ranks)

    def family(self, model: str) -> Family:
        """The family of a model, as `family`; remembered, so ask for models of the settings alone."""
        found = self._families.get(model)
        if found is None:
            found = self._families[model] = family(model)
        return found

    def count(self, model: str, text: str, percent: int | None = None) -> Count:
        """Tokens of a text, rounded up; markers such as `<|endoftext|>` inside it are plain text.

        `percent` goes before the family's own: what was learned of the model.

        Raises:
            SetupError: the rank file is missing or damaged.
        """
        kind = self.family(model)
        return Count(_scaled(self._raw(kind, (text,)), percent or kind.percent), kind.is_exact)

    def count_prompt(self, model: str, request: Request, percent: int | None = None) -> int:
        """Tokens of a request's prompt: its texts, tools and schemas as JSON, and an allowance for the chat template.

        Its images are not among them. `percent` as above; the allowance is the same in any case.

        Raises:
            SetupError: the rank file is missing or damaged.
        """
        prompt = self.read_prompt(model, request)
        return _scaled(prompt.raw, percent or self.family(model).percent) + prompt.allowance

    def read_prompt(self, model: str, request: Request) -> Prompt:
        """The same before a factor is applied.

        Raises:
            SetupError: the rank file is missing or damaged.
        """
        kind = self.family(model)
        if not request.messages:  # sent as they are, without a template
            return Prompt(self._raw(kind, request.input or [request.text or ""]), 0)
        schema = request.response_format and request.response_format.json_schema
        forms = [tool.model_dump_json(exclude_none=True, exclude={"cache_control"}) for tool in request.tools or ()]
        if schema:
            forms.append(schema.model_dump_json(by_alias=True, exclude_none=True))
        texts = [text for message in request.messages for text in _texts(message)]
        allowance = REPLY_TOKENS + MESSAGE_TOKENS * len(request.messages) + TOOL_TOKENS * len(forms)
        return Prompt(self._raw(kind, [*texts, *forms]), allowance)

    def _raw(self, kind: Family, texts: Iterable[str]) -> int:
        encode = self._encoding(kind.ranks).encode_ordinary
        return sum(_count(encode, text) for text in texts)

    def _encoding(self, ranks: RankFile) -> tiktoken.Encoding:
        encoding = self._encodings.get(ranks.encoding)
        if encoding is None:
            with self._loading:  # two threads may ask at once; the second finds it loaded
                encoding = self._encodings.get(ranks.encoding) or load_encoding(ranks, self._folder)
                self._encodings[ranks.encoding] = encoding
        return encoding


def _scaled(raw: int, percent: int) -> int:
    return -(-raw * percent // 100)


def _count(encode: Callable[[str], list[int]], text: str) -> int:
    if len(text) <= _SLICE:
        return len(encode(text))
    # tiktoken takes quadratic time for a long run of one character, and panics for a million spaces. In slices it is
    # linear, and counts at most a token too many at each cut. Beyond any prompt, a part stands for the whole.
    looked_at = text[:_MOST_LOOKED_AT]
    counted = sum(len(encode(looked_at[begin : begin + _SLICE])) for begin in range(0, len(looked_at), _SLICE))
    return -(-counted * len(text) // len(looked_at))


def _texts(message: Message) -> Iterator[str]:
    if isinstance(message.content, str):
        yield message.content
    else:
        yield from (part.text for part in message.content or () if isinstance(part, TextPart))
    for thought in message.reasoning or ():
        yield thought.text if isinstance(thought, ReasoningText) else thought.redacted
    if message.name is not None:
        yield message.name
    if message.tool_call_id is not None:
        yield message.tool_call_id
    for call in message.tool_calls or ():
        yield call.model_dump_json()
