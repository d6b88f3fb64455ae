"""Requests as JSON values, valid ones and damaged ones, for property tests."""

from typing import Any

from hypothesis import strategies as st

from streamproc.records.codec import RequestDecoder

__all__ = ["PNG", "damaged", "decoder", "plain_json", "requests"]

FAR = 10**6
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"
"""The beginning of an image of one pixel."""
texts = st.text(max_size=12)
names = st.from_regex(r"[A-Za-z0-9._:@/-]{1,8}", fullmatch=True)
functions = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
labels = st.text(min_size=1, max_size=8)
whole = st.one_of(st.integers(1, 2**31 - 1), st.integers(1, 1000).map(float))
plain_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(-1e9, 1e9), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=5,
)
objects = st.dictionaries(texts, plain_json, max_size=3)


def records(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the required fields, and any of the optional ones or null in their place."""
    some = {name: st.one_of(values, st.none()) for name, values in optional.items()}
    return st.fixed_dictionaries(required, optional=some)


tool_calls = st.fixed_dictionaries(
    {"id": labels, "function": st.fixed_dictionaries({"name": functions, "arguments": texts})},
    optional={"type": st.just("function")},
)
caches = records({"type": st.just("ephemeral")}, {"ttl": st.sampled_from(["5m", "1h"])})
images = st.sampled_from(
    [f"data:image/png;base64,{PNG}", "data:image/gif;base64,R0lGODlhAQABAAAA", "https://example.org/a.png?b=c#d"]
)
parts = st.one_of(
    records({"type": st.just("text"), "text": texts}, {"cache_control": caches}),
    records(
        {
            "type": st.just("image_url"),
            "image_url": records({"url": images}, {"detail": st.sampled_from(["auto", "low", "high"])}),
        },
        {"cache_control": caches},
    ),
)
reasoning = st.one_of(records({"text": texts}, {"signature": labels}), st.fixed_dictionaries({"redacted": labels}))
messages = records(
    {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool"])},
    {
        "content": st.one_of(texts, st.lists(parts, max_size=2)),
        "reasoning": st.lists(reasoning, max_size=2),
        "name": functions,
        "tool_calls": st.lists(tool_calls, max_size=2),
        "tool_call_id": labels,
    },
)
tools = records(
    {
        "type": st.just("function"),
        "function": records(
            {"name": functions}, {"description": texts, "parameters": objects, "strict": st.booleans()}
        ),
    },
    {"cache_control": caches},
)
schema_formats = records({"name": functions}, {"description": texts, "schema": objects, "strict": st.booleans()})
formats = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "json_object"])}),
    st.fixed_dictionaries({"type": st.just("json_schema"), "json_schema": schema_formats}),
)
choices = st.one_of(
    st.sampled_from(["none", "auto", "required"]),
    st.fixed_dictionaries(
        {"type": st.just("function"), "function": st.fixed_dictionaries({"name": functions})},
    ),
)
metadata = st.dictionaries(labels, texts, max_size=3)
stops = st.lists(labels, max_size=3)
times = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
conversation = {"messages": st.lists(messages, min_size=1, max_size=2)}
sampled = {
    "temperature": st.one_of(st.integers(0, 2), st.floats(0, 2)),
    "top_p": st.floats(0, 1),
    "seed": st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-1000, 1000).map(float)),
}
prompted = {
    "response_format": formats,
    "tools": st.lists(tools, min_size=1, max_size=2),
    "tool_choice": choices,
    "service_tier": st.sampled_from(["auto", "default", "flex", "priority"]),
}
limits = {"max_output_tokens": whole, "stop": stops}
inputs = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3)
dimensions = st.one_of(st.integers(1, 8192), st.integers(1, 8192).map(float))
any_own = {
    "user": names,
    "metadata": metadata,
    "feature": names,
    "deadline": times,
    "not_before": times,
    "max_cost_usd": st.floats(0, 1_000_000),
    "extra": objects,
}


def _own(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    identity = {"request_id": st.from_regex(r"[ -~]{1,8}", fullmatch=True), "model": labels}
    return st.builds(
        lambda base, fixed: base | fixed,
        records({**required, **identity}, {**any_own, **optional}),
        st.fixed_dictionaries({}, optional={"tenant": names, "stream": st.booleans()}),
    )


own = st.one_of(
    _own(conversation, {**sampled, **prompted, **limits, "text": st.none(), "input": st.none()}),
    _own({"text": texts}, {**sampled, **limits, "tools": st.none(), "input": st.none()}),
    _own({"input": inputs}, {"temperature": st.none(), "text": st.none(), "dimensions": dimensions}),
)
penalties = {
    "frequency_penalty": st.floats(-2, 2),
    "presence_penalty": st.floats(-2, 2),
    "logit_bias": st.dictionaries(texts, st.floats(-100, 100), max_size=2),
}
answered = {
    **sampled,
    **penalties,
    "max_tokens": whole,
    "stop": st.one_of(labels, stops),
    "n": st.sampled_from([1, 1.0]),
    "user": names,
}


def _line(url: str, required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    streams = {} if url.endswith("embeddings") else {"stream": st.booleans()}
    return st.fixed_dictionaries(
        {
            "custom_id": st.from_regex(r"[ -~]{1,8}", fullmatch=True),
            "method": st.just("POST"),
            "url": st.just(url),
            "body": st.builds(
                lambda base, fixed: base | fixed,
                records({**required, "model": labels}, optional),
                st.fixed_dictionaries({}, optional=streams),
            ),
        }
    )


batch_lines = st.one_of(
    _line(
        "/v1/chat/completions",
        conversation,
        {
            **answered,
            **prompted,
            "max_completion_tokens": whole,
            "metadata": metadata,
            "parallel_tool_calls": st.booleans(),
            "reasoning_effort": texts,
        },
    ),
    _line(
        "/v1/completions",
        {"prompt": st.one_of(texts, st.lists(texts, min_size=1, max_size=1))},
        {**answered, "best_of": st.sampled_from([1, 1.0])},
    ),
    _line(
        "/v1/embeddings",
        {"input": st.one_of(st.text(min_size=1, max_size=8), inputs)},
        {"dimensions": dimensions, "encoding_format": st.just("float"), "user": names},
    ),
)
requests = st.one_of(own, batch_lines)

odd = st.one_of(
    plain_json,
    st.sampled_from(
        [
            0, -1, 1.5, 2.5, 2**31, 2**63, 2**70, -0.0, "", "\n", "a\n", "é", "x" * 65, "x" * 129, "x" * 257, "x" * 513,
            [], {}, [None], ["a"] * 17, ["a"] * 129, {str(n): "a" for n in range(17)}, {str(n): 1 for n in range(33)},
            {"": "a"}, {"a" * 65: "a"}, "json_schema", "function", "2026-02-31T00:00:00Z", "2026-01-01T24:00:00Z",
            "2026-01-01T23:59:60Z", "0000-01-01T00:00:00Z", "2024-02-29T23:59:59.123456+23:59", "2026-01-01T00:00:00",
            "2026-01-01t00:00:00z", "2026-01-01T00:00:00Z\n", "٢٠٢٦-01-01T00:00:00Z", True, False, None,
            "data:image/png;base64,R0lGODlhAQABAAAA", "data:image/png;base64,R0lGODlhAQABAAAAA", "data:text/html,x",
            "http://example.org/a.png", "https://é", "https://" + "a" * 2041, f"data:image/png;base64,{PNG}\n",
        ]
    ),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A valid request with one or two places changed, removed or added."""
    value = draw(requests)
    for _ in range(draw(st.integers(1, 2))):
        value = _damage(draw, value)
    return value


def _damage(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 3)) == 0:
        return draw(odd)
    if isinstance(value, list):
        place = draw(st.integers(0, len(value) - 1))
        return [_damage(draw, item) if number == place else item for number, item in enumerate(value)]
    change = draw(st.sampled_from(["inside", "inside", "inside", "remove", "add"]))
    if change == "add":
        return {
            **value,
            draw(
                st.sampled_from(
                    [
                        "bogus",
                        "custom_id",
                        "n",
                        "schema_",
                        "json_schema",
                        "user",
                        "text",
                        "input",
                        "messages",
                        "redacted",
                    ]
                )
            ): draw(odd),
        }
    name = draw(st.sampled_from(sorted(value)))
    if change == "remove":
        return {key: item for key, item in value.items() if key != name}
    return {**value, name: _damage(draw, value[name])}


def decoder(**bounds: int) -> RequestDecoder:
    """A decoder with wide bounds, and these over them."""
    return RequestDecoder(**{"max_bytes": FAR, "max_messages": FAR, "max_output_tokens": 2**31, **bounds})
