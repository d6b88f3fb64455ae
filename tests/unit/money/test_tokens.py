"""Counting tokens: exact for OpenAI's models, by a factor for others."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from streamproc.errors import SetupError
from streamproc.money.encodings import CL100K, O200K
from streamproc.money.tokens import MESSAGE_TOKENS, REPLY_TOKENS, TOOL_TOKENS, TokenCounter, family
from streamproc.records.batch_line import request_adapter
from streamproc.records.message import ToolCall
from streamproc.records.request import Request


@pytest.fixture(scope="module")
def counter() -> TokenCounter:
    """One for the module: loading takes time."""
    return TokenCounter()


def _request(**fields: Any) -> Request:
    value = {"request_id": "r", "model": "gpt-4o", "messages": [{"role": "user", "content": "hello world"}], **fields}
    request = request_adapter().validate_python(value)
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o-mini",
        "openai/gpt-4o",
        "gpt-4.1-nano",
        "gpt-5-mini",
        "o1",
        "o3-pro",
        "ft:gpt-4o-mini:acme",
        "gpt-oss-20b",
    ],
)
def test_current_openai_model_is_exact_by_o200k(model: str) -> None:
    """Names tiktoken knows count exactly."""
    assert (family(model).ranks, family(model).percent, family(model).is_exact) == (O200K, 100, True)


@pytest.mark.parametrize("model", ["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo-0125", "text-embedding-3-small"])
def test_older_openai_model_is_exact_by_cl100k(model: str) -> None:
    """Older models have the older encoding."""
    assert (family(model).ranks, family(model).percent, family(model).is_exact) == (CL100K, 100, True)


@pytest.mark.parametrize(
    ("model", "percent"),
    [
        ("gpt-6", 100),
        ("o7-mini", 100),
        ("text-davinci-003", 120),
        ("llama3.2:1b", 120),
        ("qwen2.5", 120),
        ("claude-2.1", 130),
        ("claude-3-5-sonnet-20241022", 130),
        ("anthropic/claude-3.7-sonnet", 130),
        ("claude-opus-4-20250514", 130),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 130),
        ("claude-opus-4-6", 130),
        ("claude-opus-4.7", 165),
        ("claude-sonnet-5", 165),
        ("claude-opus-10-20280101", 165),
        ("claude-latest", 165),
    ],
)
def test_other_model_is_estimated_by_a_factor_of_o200k(model: str, percent: int) -> None:
    """A name tiktoken does not know counts by o200k and is not called exact."""
    assert (family(model).ranks, family(model).percent, family(model).is_exact) == (O200K, percent, False)


def test_estimate_is_rounded_up(counter: TokenCounter) -> None:
    """Two tokens of o200k are three for a Claude model, as 2.6 is rounded up."""
    assert counter.count("gpt-4o", "hello world") == (2, True)
    assert counter.count("claude-3-opus", "hello world") == (3, False)
    assert counter.count("gpt-4o", "") == (0, True)


def test_markers_and_broken_text_count_as_text(counter: TokenCounter) -> None:
    """User text may hold special tokens, lone surrogates and zero bytes: nothing raises."""
    assert counter.count("gpt-4o", "<|endoftext|>").tokens == 7
    assert counter.count("gpt-4", "<|fim_prefix|><|endofprompt|>").tokens > 2
    assert counter.count("gpt-4o", "a\ud800b\0").tokens >= 3


def test_long_texts_count_in_proportion(counter: TokenCounter) -> None:
    """Repetition, long words and long runs of blanks neither fail nor explode."""
    sentence = "The quick brown fox jumps over the lazy dog.\n"
    once = counter.count("gpt-4o", sentence).tokens
    whole = counter.count("gpt-4o", sentence * 4000).tokens
    assert once * 4000 <= whole <= once * 4000 + 9  # at most a token for each cut into slices
    for piece in ("a", " ", "語", "😀", "0"):
        text = piece * 50_000
        assert 0 < counter.count("gpt-4o", text).tokens <= len(text.encode())


@pytest.mark.parametrize("piece", [" ", "a", "^"])
def test_a_huge_run_of_one_character(counter: TokenCounter, piece: str) -> None:
    """A model that loops writes such answers. In one piece tiktoken took seconds, or panicked past every `except`."""
    assert 0 < counter.count("gpt-4o", piece * 2_000_000).tokens <= 2_000_000


def test_prompt_is_its_texts_and_the_allowance(counter: TokenCounter) -> None:
    """Texts of messages and parts, and the documented allowances."""
    assert counter.count_prompt("gpt-4o", _request()) == 2 + MESSAGE_TOKENS + REPLY_TOKENS
    parts = [{"type": "text", "text": "hello world"}, {"type": "text", "text": "hello world"}]
    messages = [{"role": "system", "content": parts}, {"role": "user", "name": "hello", "content": "hello world"}]
    assert counter.count_prompt("gpt-4o", _request(messages=messages)) == 7 + 2 * MESSAGE_TOKENS + REPLY_TOKENS


def test_tools_schemas_and_earlier_tool_calls_add_to_the_prompt(counter: TokenCounter) -> None:
    """Whatever the model reads is counted: tools and answer schemas as JSON, tool calls with their arguments."""
    plain = counter.count_prompt("gpt-4o", _request())
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": schema}}
    answer = {"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}}
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bern"}'}}
    talk = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_1", "content": "12 °C"}]
    schema_json = '{"type":"object","properties":{"city":{"type":"string"}}}'
    schema_tokens = counter.count("gpt-4o", schema_json).tokens
    assert counter.count_prompt("gpt-4o", _request(tools=[tool])) > plain + schema_tokens + TOOL_TOKENS
    assert counter.count_prompt("gpt-4o", _request(response_format=answer)) > plain + schema_tokens + TOOL_TOKENS
    read = (ToolCall.model_validate(call).model_dump_json(), "call_1", "12 °C")
    texts = sum(counter.count("gpt-4o", text).tokens for text in read)
    assert counter.count_prompt("gpt-4o", _request(messages=talk)) == texts + 2 * MESSAGE_TOKENS + REPLY_TOKENS


def test_reasoning_that_is_sent_back_is_read_again_and_an_image_is_no_text(counter: TokenCounter) -> None:
    """Its text and its data count, the signature and a data URL do not; a mark for the cache is no part of a tool."""
    plain = counter.count_prompt("gpt-4o", _request(messages=[{"role": "assistant", "content": "hello world"}]))
    thoughts = [{"text": "hello world", "signature": "s" * 100}, {"redacted": "hello world"}]
    again = [{"role": "assistant", "content": "hello world", "reasoning": thoughts}]
    assert counter.count_prompt("gpt-4o", _request(messages=again)) == plain + 4
    image = {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlhAQABAAAA"}}
    shown = [{"role": "user", "content": [{"type": "text", "text": "hello world"}, image]}]
    assert counter.count_prompt("gpt-4o", _request(messages=shown)) == plain
    tool = {"type": "function", "function": {"name": "f"}}
    marked = {**tool, "cache_control": {"type": "ephemeral"}}
    assert counter.count_prompt("gpt-4o", _request(tools=[marked])) == counter.count_prompt(
        "gpt-4o", _request(tools=[tool])
    )


def test_a_text_and_texts_to_embed_have_no_template(counter: TokenCounter) -> None:
    """They are sent as they are."""
    for asked in ({"text": "hello world"}, {"input": ["hello", " world"]}):
        request = Request.model_validate({"request_id": "r", "model": "m", **asked})
        assert counter.count_prompt("gpt-4o", request) == 2
    assert counter.count_prompt("gpt-4o", Request.model_validate({"request_id": "r", "model": "m", "text": ""})) == 0


def test_several_threads_share_one_load() -> None:
    """Threads that count before anything is loaded wait for one load and use its encoding."""
    counter = TokenCounter()
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: counter._encoding(CL100K), range(4)))
    assert len({id(encoding) for encoding in loaded}) == 1
    assert counter.count("gpt-4", "hello world").tokens == 2


def test_damaged_ranks_show_at_load_not_at_the_first_call(tmp_path: Path) -> None:
    """A worker that loads at its start learns there that its installation is broken."""
    (tmp_path / O200K.file).write_bytes(b"aGVsbG8= 0\n")
    with pytest.raises(SetupError, match="damaged"):
        TokenCounter(tmp_path).load(["gpt-4o"])
