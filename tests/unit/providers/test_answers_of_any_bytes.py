"""Whatever comes, in whatever pieces: no answer raises anything but the errors of the tree."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.provider import Completed, Event
from streamproc.errors import ProviderError
from streamproc.providers.anthropic import Anthropic
from streamproc.providers.dialect import Dialect
from streamproc.providers.framing import PayloadTooLarge
from streamproc.providers.ollama import Ollama
from streamproc.providers.origin import Origin
from tests.faults.cases.api import Api
from tests.faults.cases.table import APIS

ORIGIN = Origin("p", None, str)
DIALECTS: tuple[Dialect, ...] = (Anthropic(), Ollama(lambda _: 8192))

WORDS = st.sampled_from(
    ["type", "index", "delta", "text", "thinking", "signature", "partial_json", "content_block", "message", "usage",
     "stop_reason", "error", "content", "response", "done", "done_reason", "tool_calls", "function", "arguments", "id",
     "name", "input", "model", "data", "input_tokens", "output_tokens", "cache_creation", "service_tier",
     "prompt_eval_count", "eval_count",
     "content_block_start", "content_block_delta", "content_block_stop", "message_start", "message_delta",
     "message_stop", "text_delta", "thinking_delta", "signature_delta", "input_json_delta", "tool_use",
     "redacted_thinking"]
)  # fmt: skip
"""Keys and values of both APIs, so that the paths behind the first key are walked, too."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.floats(allow_nan=False) | WORDS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
PAYLOADS = st.binary(max_size=40) | JSON.map(orjson.dumps) | st.dictionaries(WORDS, JSON, max_size=6).map(orjson.dumps)


def told(dialect: Dialect, payloads: list[bytes]) -> list[Event]:
    """What an answer of these payloads says, as far as it comes."""
    answer = dialect.answer(ORIGIN)
    events = [event for payload in payloads for event in answer.read(payload)]
    return [*events, answer.completed()]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: type(dialect).__name__)
@given(payloads=st.lists(PAYLOADS, max_size=6))
def test_any_payloads(dialect: Dialect, payloads: list[bytes]) -> None:
    """They are events, or an error with its class."""
    try:
        events = told(dialect, payloads)
    except ProviderError:
        return
    assert isinstance(events[-1], Completed)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: type(dialect).__name__)
@given(body=PAYLOADS)
def test_any_whole_body(dialect: Dialect, body: bytes) -> None:
    """It is an answer, or an error with its class."""
    try:
        events = dialect.answer(ORIGIN).read_whole(body)
    except ProviderError:
        return
    assert isinstance(events[-1], Completed)


def read(api: Api, chunks: list[bytes]) -> Any:
    """What a stream of these chunks comes to: its events, or the class of its error and the events before."""
    decoder, answer = api.dialect.decoder(500), api.dialect.answer(ORIGIN)
    events: list[Event] = []
    try:
        for chunk in chunks:
            for payload in decoder.feed(chunk):
                events += answer.read(payload)
        return [*events, answer.completed()]
    except (ProviderError, PayloadTooLarge) as exc:
        return events, type(exc)


OWN = [api for api in APIS if isinstance(api.dialect, (Anthropic, Ollama))]


@pytest.mark.parametrize("api", OWN, ids=lambda api: api.name)
@given(data=st.data())
def test_any_cut_of_a_stream(api: Api, data: st.DataObject) -> None:
    """However the bytes of a stream are cut, its events are the same; frames may stand in any order."""
    frames = [*api.good, *api.unknown, *api.pings.values(), *api.twice, *api.late, *api.no_reason]
    frames += [api.frame(payload) for payload in api.shapeless.values()]
    stream = b"".join(data.draw(st.just(api.good) | st.lists(st.sampled_from(frames), max_size=8)))
    cuts = data.draw(st.lists(st.integers(0, max(1, len(stream))), max_size=12))
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    whole = read(api, [stream])
    assert read(api, [stream[begin:end] for begin, end in pairwise(edges)]) == whole
    assert read(api, [stream[i : i + 1] for i in range(len(stream))]) == whole
