"""Requests in: what is refused and in which words, and what is read in which way."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from streamproc.errors import InvalidRequest
from streamproc.records.codec import encode
from streamproc.records.input_hash import input_hash
from tests.unit.records.requests import decoder, requests

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MESSAGE = '{"role":"user","content":"x"}'


def own(more: str = "", messages: str = f"[{MESSAGE}]") -> bytes:
    """A request in JSON, with more fields."""
    return f'{{"request_id":"a","model":"m","messages":{messages}{more}}}'.encode()


def refused(value: bytes | None, **bounds: int) -> InvalidRequest:
    """The refusal of a value."""
    with pytest.raises(InvalidRequest) as caught:
        decoder(**bounds).decode(value)
    return caught.value


@pytest.mark.parametrize(
    "value",
    [b" ", b"{", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', own() + b"x",
     own(',"extra":{"a":' + "[" * 300 + "]" * 300 + "}"), own(',"extra":{"a":' + "9" * 5000 + "}"), b"[" * 100_000],
)  # fmt: skip
def test_bytes_that_are_no_json_are_refused(value: bytes) -> None:
    """Cut, wrong UTF-8, surrogates in UTF-8, nested or counted beyond all measure: one short sentence."""
    error = refused(value)
    assert error.code == "not_json"
    assert str(error).startswith("invalid JSON: ")
    assert len(str(error)) < 200


@pytest.mark.parametrize("value", [None, b""])
def test_a_record_without_a_value_is_refused(value: bytes | None) -> None:
    """A tombstone is no request."""
    assert refused(value).code == "empty"


@pytest.mark.parametrize("value", [b"null", b"[]", b"1", b'"x"', b"true"])
def test_json_that_is_no_object_is_refused(value: bytes) -> None:
    """The sentence says that an object is expected."""
    error = refused(value)
    assert error.code == "invalid_request"
    assert "object" in str(error)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (own(',"seed":1180591620717411303424'), "seed: "),
        (own(',"seed":true'), "seed: "),
        (own(',"max_output_tokens":true'), "max_output_tokens: "),
        (own(',"max_output_tokens":1.5'), "max_output_tokens: "),
        (own(',"temperature":NaN'), "temperature: "),
        (own(',"temperature":Infinity'), "temperature: "),
        (own(',"temperature":1e999'), "temperature: "),
        (own(',"temperature":false'), "temperature: "),
        (own(',"stream":1'), "stream: "),
        (own(',"tenant":null'), "tenant: "),
        (own(',"tenant":"a\\n"'), "tenant: "),
        (own(',"extra":{"a":[{"b":NaN}]}'), "extra: holds a number that is not finite"),
        (own(',"extra":{"a":-1e999}'), "extra: holds a number that is not finite"),
        (own(',"extra":{"a":[18446744073709551616]}'), "extra: holds an integer of more than 64 bits"),
        (own(',"extra":{"a":-9223372036854775809}'), "extra: holds an integer of more than 64 bits"),
        (own(',"tools":[{"type":"function","function":{"name":"f","parameters":{"a":1e999}}}]'),
         "tools.0.function.parameters: holds a number"),
        (own(',"response_format":{"type":"json_schema","json_schema":{"name":"f","schema":{"a":1e999}}}'),
         "response_format.json_schema.schema: holds a number"),
        (own(',"response_format":{"type":"json_schema"}'), "response_format: json_schema goes with type"),
        (own(',"deadline":"tomorrow"'), "deadline: must be an RFC 3339 time"),
        (own(',"deadline":"2026-02-31T12:00:00Z"'), "deadline: is no time of the calendar"),
        (own(',"deadline":"2026-02-28T12:00:00Z\\n"'), "deadline: must be an RFC 3339 time"),
        (own(messages="[]"), "messages: "),
        (own(messages='[{"role":"user","content":[{"type":"image"}]}]'), "messages.0.content"),
        (own().replace(b'"a"', b'"a\\u0007"'), "request_id: "),
        (own().replace(b'"a"', b'"a\\u007f"'), "request_id: "),
        (own().replace(b'"a"', b'"\\u00e9"'), "request_id: "),
        (own().replace(b'"a"', b'""'), "request_id: "),
        (own().replace(b'"a"', b'"' + b"a" * 257 + b'"'), "request_id: "),
    ],
)  # fmt: skip
def test_a_sentence_names_the_field_and_the_reason(value: bytes, words: str) -> None:
    """The sender reads in the dead letter what to change."""
    error = refused(value)
    assert error.code == "invalid_request"
    assert words in str(error)
    assert "Value error" not in str(error)


def test_an_unknown_field_is_named() -> None:
    """A typing error never changes in silence what is asked for."""
    error = refused(own(',"temprature":1'))
    assert error.code == "unknown_field"
    assert str(error) == "unknown field 'temprature'"
    nested = own(messages='[{"role":"user","content":"x","weight":1}]')
    assert str(refused(nested)) == "unknown field 'messages.0.weight'"


def test_many_problems_are_counted_and_not_all_told() -> None:
    """A sentence has an end, also when a field's name has none."""
    error = refused(own("".join(f',"{"x" * 500}{number}":1' for number in range(50))))
    assert "and 47 more" in str(error)
    assert len(str(error)) <= 1000


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud800x", "\\ud800\\u0041", "\\udc00\\ud800"])
@pytest.mark.parametrize(
    "place", [',"extra":{"a":"%s"}', ',"extra":{"%s":1}', ',"metadata":{"%s":"a"}', ',"stop":["%s"]']
)
def test_half_a_surrogate_pair_is_refused_before_it_can_be_written(escape: str, place: str) -> None:
    """It has no UTF-8 form: it would fail when the prompt is sent or the result is written."""
    assert refused(own(place % escape)).code == "not_json"
    assert refused(own(messages=f'[{{"role":"user","content":"{escape}"}}]')).code == "not_json"


@pytest.mark.parametrize(
    ("more", "field", "value"),
    [
        (',"seed":1,"seed":2', "seed", 2),
        (',"seed":-0', "seed", 0),
        (',"seed":-9223372036854775808', "seed", -(2**63)),
        (',"max_output_tokens":1e3', "max_output_tokens", 1000),
        (',"max_output_tokens":1000.0', "max_output_tokens", 1000),
        (',"temperature":-0.0', "temperature", 0.0),
        (',"temperature":1', "temperature", 1.0),
        (',"max_cost_usd":1e-999', "max_cost_usd", 0.0),
        (',"extra":{"a":"\\ud83d\\ude00\\u0000"}', "extra", {"a": "😀\0"}),
        (',"extra":{"a":18446744073709551615}', "extra", {"a": 2**64 - 1}),
        (',"metadata":{' + ",".join('"k":"v"' for _ in range(40)) + "}", "metadata", {"k": "v"}),
        (',"deadline":"2026-01-31T13:00:00+01:00"', "deadline", NOW),
    ],
)
def test_what_json_allows_is_read_in_one_way(more: str, field: str, value: object) -> None:
    """The last of equal keys counts, 1e3 is an integer, a pair of escapes is one character."""
    request = decoder().decode(own(more))
    assert getattr(request, field) == value
    assert len(input_hash(request)) == 64


@pytest.mark.parametrize("text", ["\0", "", "😀", "\u2028", "<|endoftext|>"])
def test_any_text_may_be_asked(text: str) -> None:
    """Characters that mean something elsewhere mean nothing here."""
    messages = json.dumps([{"role": "user", "content": text}])
    assert decoder().decode(own(messages=messages)).messages[0].content == text


def test_deep_nesting_is_read_and_written_or_refused() -> None:
    """No depth in between is taken and then fails."""
    taken, refusals = 0, list[str]()
    for depth in range(150, 260, 3):
        for begin, end in (("[", "]"), ('{"a":', "}")):
            value = own(f',"extra":{{"a":{begin * depth}1{end * depth}}}')
            try:
                request = decoder().decode(value)
            except InvalidRequest as error:
                refusals.append(str(error))
                continue
            input_hash(request)
            encode(request)
            taken += 1
    assert 20 < taken < 60
    assert all("recursion limit" in sentence for sentence in refusals)


def test_bounds_of_the_settings_are_named() -> None:
    """Size, messages, output tokens: the sentence has the figure and the setting."""
    assert "limits.max_request_bytes is 10" in str(refused(own(), max_bytes=10))
    two = own(messages=f"[{MESSAGE},{MESSAGE}]")
    assert "limits.max_messages is 1" in str(refused(two, max_messages=1))
    assert "limits.max_output_tokens is 5" in str(refused(own(',"max_output_tokens":6'), max_output_tokens=5))
    for error in (refused(own(), max_bytes=10), refused(two, max_messages=1)):
        assert error.code == "too_large"
    taken = decoder(max_bytes=len(two), max_messages=2, max_output_tokens=5).decode(two)
    assert len(taken.messages) == 2


@given(requests)
@settings(max_examples=30)
def test_whatever_is_taken_can_be_written_and_hashed(value: Any) -> None:
    """A valid request has one hash, whatever the order of its fields, inner ones included."""
    request = decoder().decode(json.dumps(value).encode())
    turned = decoder().decode(json.dumps(_turned(value), ensure_ascii=False).encode())
    assert input_hash(request) == input_hash(turned)
    assert encode(request)


def _turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _turned(item) for key, item in reversed(value.items())}
    return [_turned(item) for item in value] if isinstance(value, list) else value


def test_the_hash_covers_what_the_model_sees_and_nothing_else() -> None:
    """Who asks and how it is delivered leave it alone; every option that shapes the answer changes it."""
    plain = input_hash(decoder().decode(own()))
    for more in (',"tenant":"t"', ',"user":"u"', ',"stream":false', ',"metadata":{"a":"b"}', ',"max_cost_usd":1'):
        assert input_hash(decoder().decode(own(more))) == plain
    changed = {
        input_hash(decoder().decode(own(more)))
        for more in (
            ',"temperature":1', ',"top_p":1', ',"seed":1', ',"stop":["a"]', ',"max_output_tokens":5', ',"extra":{"a":1}',
            ',"tools":[{"type":"function","function":{"name":"f"}}]', ',"tool_choice":"none"',
            ',"response_format":{"type":"text"}',
        )
    }  # fmt: skip
    assert len(changed | {plain}) == 10
    one, other = (
        input_hash(decoder().decode(own(f',"extra":{{{inner}}}'))) for inner in ('"a":1,"b":2', '"b":2,"a":1')
    )
    assert one == other
