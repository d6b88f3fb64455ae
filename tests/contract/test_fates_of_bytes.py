"""The fate table: bytes that are no valid request. Each leaves a dead letter and a `rejected` result."""

import hashlib
import json
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from streamproc.records.identity import RunId
from tests.contract.conftest import Shared

pytestmark = pytest.mark.asyncio(loop_scope="module")

VALID: dict[str, Any] = {"request_id": "r", "model": "mock-t5-i1-f2", "messages": [{"role": "user", "content": "x"}]}


async def rejected(shared: Shared, run: RunId, code: str) -> ConsumerRecord[bytes, bytes]:
    """The dead letter of a run, once everything else about it was found to be right."""
    outputs = shared.stage.outputs
    result = await outputs.result(run)
    await shared.stage.has_committed(run)
    await outputs.rest()
    assert result.error is not None
    assert (result.status, result.error.code) == ("rejected", code)
    assert (outputs.usage_of(run), outputs.chunks_of(run)) == ([], [])
    (letter,) = [record for record in outputs.dead if dict(record.headers)["dlq.run_id"] == str(run).encode()]
    told = dict(letter.headers)
    assert letter.partition == run.partition
    assert told["dlq.code"] == code.encode()
    assert told["dlq.reason"].decode() == result.error.sentence
    assert (told["dlq.topic"], told["dlq.partition"], told["dlq.offset"], told["dlq.timestamp_ms"]) == tuple(
        str(part).encode() for part in (run.topic, run.partition, run.offset, run.timestamp_ms)
    )
    return letter


async def test_a_dead_letter_keeps_bytes_key_and_headers(shared: Shared) -> None:
    """Nothing of the original changes; the reason stands in headers beside its own."""
    value, key = b"\x00\xff no JSON \xfe", b"\x80key"
    headers = [("own", b"\x01"), ("own", b"\x02"), ("dlq.code", b"of an earlier stay")]
    run = await shared.stage.publish(value, key=key, headers=headers, partition=1)
    letter = await rejected(shared, run, "not_json")
    assert (letter.value, letter.key) == (value, key)
    assert list(letter.headers)[:2] == headers[:2]
    assert [value for name, value in letter.headers if name == "dlq.code"] == [b"not_json"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "empty"),
        (b"[]", "invalid_request"),
        (b"null", "invalid_request"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (json.dumps(VALID | {"colour": "red"}).encode(), "unknown_field"),
        (json.dumps(VALID | {"model": "nobody's"}).encode(), "unknown_model"),
        (json.dumps(VALID | {"max_output_tokens": 10**6}).encode(), "too_large"),
        (json.dumps(VALID | {"messages": []}).encode(), "invalid_request"),
        (b'{"request_id":' * 5000, "not_json"),
    ],
    ids=["empty", "list", "null", "byte order mark", "unknown field", "model", "too many tokens", "messages", "deep"],
)
async def test_bytes_that_are_no_request_are_rejected(shared: Shared, value: bytes, code: str) -> None:
    """The code says what is wrong."""
    run = await shared.stage.publish(value, key=b"k")
    letter = await rejected(shared, run, code)
    assert letter.value == value


async def test_a_tombstone_is_rejected(shared: Shared) -> None:
    """A key without a value stays one."""
    run = await shared.stage.publish(None, key=b"only a key")
    letter = await rejected(shared, run, "empty")
    assert (letter.key, letter.value) == (b"only a key", None)


async def test_an_event_of_another_kind_is_rejected(shared: Shared) -> None:
    """A valid request under a header that says it is something else is not guessed at."""
    value = json.dumps(VALID).encode()
    run = await shared.stage.publish(value, key=b"k", headers=[("ce_type", b"streamproc.request.v2")])
    letter = await rejected(shared, run, "unknown_version")
    assert (letter.value, letter.headers[0]) == (value, ("ce_type", b"streamproc.request.v2"))


async def test_a_request_above_its_limit_is_kept_whole_where_it_fits(shared: Shared) -> None:
    """Half a megabyte is too much for a request and little enough for a dead letter."""
    value = json.dumps(VALID | {"messages": [{"role": "user", "content": "x" * 600_000}]}).encode()
    run = await shared.stage.publish(value, key=b"k")
    letter = await rejected(shared, run, "too_large")
    assert letter.value == value
    assert dict(letter.headers)["dlq.by_reference"] == b"false"


async def test_a_record_above_the_record_limit_is_kept_by_reference(shared: Shared) -> None:
    """The dead letter says where the original is and how to recognise it; records behind it go on."""
    value = b"x" * 3_000_000
    run = await shared.stage.publish(value, key=b"k", topic=shared.big)
    behind = await shared.stage.ask("mock-t5-i1-f2", topic=shared.big)
    letter = await rejected(shared, run, "too_large")
    assert dict(letter.headers)["dlq.by_reference"] == b"true"
    assert json.loads(letter.value or b"") == {
        "topic": run.topic,
        "partition": 0,
        "offset": run.offset,
        "size_bytes": len(value),
        "sha256": hashlib.sha256(value).hexdigest(),
    }
    assert (await shared.stage.outputs.result(behind)).status == "completed"
