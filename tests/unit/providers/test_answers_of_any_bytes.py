"""Whatever comes, in whatever pieces: no answer raises anything but the errors of the tree."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.provider import Completed, Event
from streamproc.errors import ProviderError
from streamproc.providers.dialect import Dialect
from streamproc.providers.framing import PayloadTooLarge
from streamproc.providers.origin import Origin
from tests.faults.cases.api import Api
from tests.faults.cases.table import APIS
from tests.unit.providers.words import WORDS

ORIGIN = Origin("p", None, str)


def payloads(dialect: Dialect) -> st.SearchStrategy[bytes]:
    """Any bytes, any JSON, and objects of the API's own words."""
    words = st.sampled_from(WORDS[type(dialect).__name__])
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-1, 3) | st.floats(allow_nan=False) | words | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
        max_leaves=12,
    )
    objects = st.dictionaries(words, values, max_size=6)
    return st.binary(max_size=40) | values.map(orjson.dumps) | objects.map(orjson.dumps)


PAYLOADS = {api.name: payloads(api.dialect) for api in APIS}
every_api = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)


def told(dialect: Dialect, payloads: list[bytes]) -> list[Event]:
    """What an answer of these payloads says, as far as it comes."""
    answer = dialect.answer(ORIGIN)
    events = [event for payload in payloads for event in answer.read(payload)]
    return [*events, answer.completed()]


@every_api
@given(data=st.data())
def test_any_payloads(api: Api, data: st.DataObject) -> None:
    """They are events, or an error with its class."""
    try:
        events = told(api.dialect, data.draw(st.lists(PAYLOADS[api.name], max_size=6)))
    except ProviderError:
        return
    assert isinstance(events[-1], Completed)


@every_api
@given(data=st.data())
def test_any_whole_body(api: Api, data: st.DataObject) -> None:
    """It is an answer, or an error with its class."""
    try:
        events = api.dialect.answer(ORIGIN).read_whole(data.draw(PAYLOADS[api.name]))
    except ProviderError:
        return
    assert isinstance(events[-1], Completed)


def read(api: Api, chunks: list[bytes]) -> Any:
    """What a stream of these chunks comes to: its events, or the class of its error and the events before."""
    decoder, answer = api.dialect.decoder(2000), api.dialect.answer(ORIGIN)
    events: list[Event] = []
    try:
        for chunk in chunks:
            for payload in decoder.feed(chunk):
                events += answer.read(payload)
        return [*events, answer.completed()]
    except (ProviderError, PayloadTooLarge) as exc:
        return events, type(exc)


@every_api
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
