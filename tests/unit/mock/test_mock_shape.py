"""The mock provider's answers have the shape of OpenAI's."""

from typing import TYPE_CHECKING

from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import MockServer
from tests.unit.mock.exchange import BODY, STREAM, ask, events

if TYPE_CHECKING:
    from openai import AsyncOpenAI


async def test_a_stream_byte_by_byte(mock: MockServer) -> None:
    """Role, five words, finish reason, usage with no choices, the end mark; each in the shape of OpenAI."""
    received, is_whole = events(await ask(mock, STREAM))
    assert is_whole
    *chunks, end = received
    assert end == "[DONE]"
    assert {(chunk["object"], chunk["created"], chunk["model"]) for chunk in chunks} == {
        ("chat.completion.chunk", 1_764_000_000, "mock-t5-i1-f1")
    }
    first, *words, finish, usage = chunks
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert [len(word["choices"][0]["delta"]["content"].split()) for word in words] == [1] * 5
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 5,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    assert all(chunk["usage"] is None for chunk in [first, *words, finish])


async def test_a_stream_for_which_no_usage_was_asked(mock: MockServer) -> None:
    """No chunk speaks of usage."""
    received, _ = events(await ask(mock, BODY | {"stream": True}))
    assert len(received) == 1 + 5 + 1 + 1
    assert not any("usage" in chunk for chunk in received[:-1])


async def test_the_official_sdk_streams(sdk: "AsyncOpenAI", mock: MockServer) -> None:
    """The same request gives the same text, streamed twice; the usage is the mock's own bill."""

    async def text() -> str:
        stream = await sdk.chat.completions.create(**STREAM)
        pieces = [chunk async for chunk in stream]
        assert pieces[-1].usage is not None
        assert pieces[-1].usage.prompt_tokens == 5
        return "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)

    assert await text() == await text() != ""
    figures = mock.stats.snapshot()
    assert (figures["completed"], figures["input_tokens"], figures["output_tokens"]) == (2, 10, 10)


async def test_the_official_sdk_asks_for_a_whole_answer(sdk: "AsyncOpenAI") -> None:
    """One body, cut to the request's limit, with usage."""
    answer = await sdk.chat.completions.create(**BODY, max_completion_tokens=3)
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 3)
    assert answer.choices[0].finish_reason == "length"
    assert len((answer.choices[0].message.content or "").split()) == 3


async def test_the_official_sdk_lists_models(sdk: "AsyncOpenAI") -> None:
    """The names of the settings."""
    assert [model.id async for model in sdk.models.list()] == list(MockSettings().models)


async def test_a_model_that_sends_no_usage(mock: MockServer) -> None:
    """The usage chunk is missing, although it was asked for; the bill has the tokens."""
    received, _ = events(await ask(mock, STREAM | {"model": "mock-t2-i0-f0-nousage"}))
    assert len(received) == 1 + 2 + 1 + 1
    assert mock.stats.snapshot()["output_tokens"] == 2


async def test_the_official_sdk_speaks_responses(sdk: "AsyncOpenAI") -> None:
    """It reads the events and the whole response as its own types."""
    stream = await sdk.responses.create(model="mock-t4-i1-f1-r3-c2-w1", input="five words are asked here", stream=True)
    kinds = [event.type async for event in stream]
    assert kinds[-1] == "response.completed"
    whole = await sdk.responses.create(model="mock-t4-i1-f1-r3-c2-w1", input="five words are asked here")
    assert len(whole.output_text.split()) == 4
    assert whole.usage is not None
    assert (whole.usage.input_tokens_details.cached_tokens, whole.usage.output_tokens) == (2, 7)


async def test_the_official_sdk_speaks_completions_and_embeddings(sdk: "AsyncOpenAI") -> None:
    """Words of a stream, and vectors."""
    stream = await sdk.completions.create(model="mock-t3-i0-f0", prompt="a", stream=True)
    assert len("".join([part.choices[0].text async for part in stream]).split()) == 3
    embedded = await sdk.embeddings.create(model="mock-f0", input=["a", "b"], dimensions=4)
    assert [len(entry.embedding) for entry in embedded.data] == [4, 4]
    assert embedded.usage.prompt_tokens == 2
