"""Taking a record in: what becomes a run, and what is refused. The rest of a run's life is tested on Kafka."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from streamproc.chain.journal import MemoryJournal
from streamproc.chain.outcome import Outcome
from streamproc.chain.permit import NotBefore
from streamproc.chain.plan import Asked, Choice, Plan
from streamproc.chain.provider import Completed, Text
from streamproc.chain.retry_rules import WaitRules
from streamproc.chain.run import Incoming, Run, Terminal
from streamproc.chain.schedule import ScheduleRules
from streamproc.errors import InvalidRequest, NotNow, QuotaExhausted
from streamproc.kafka.publisher import Publisher
from streamproc.kafka.writer import Coalescing
from streamproc.processor import Processor, RunRules
from streamproc.providers.scripted import Scripted, Step, echo
from streamproc.records.codec import RequestDecoder, decode_chunk, decode_result, rfc3339
from streamproc.records.identity import RunId
from streamproc.records.vector import decode_vector
from streamproc.records.view import Finished, StreamView
from tests.fakes import NOW, FakeClock, MemoryProducer, Seen

PROVIDER = Scripted("p", echo(), asyncio.sleep)
RULES = RunRules(
    schedule=ScheduleRules(default_deadline_seconds=600, max_deadline_seconds=3600, max_not_before_seconds=900),
    default_output_tokens=100,
    max_answer_characters=1000,
    max_crashes=3,
    waits=WaitRules(base_seconds=1, cap_seconds=30, max_hint_seconds=300),
)


def answers_all(asked: Asked) -> Plan:
    """Every model is there."""
    return Plan.plain(Choice(PROVIDER, asked.request.model))


class Open:
    """Leave for every run, by a plan of the test's own."""

    def __init__(self, plan: Callable[[Asked], Plan]) -> None:
        self.plan = plan

    def is_answered(self, run: Run) -> bool:
        """None is."""
        del run
        return False

    def renew(self, run: Run) -> bool:
        """Nothing changes."""
        del run
        return False

    def admit(self, run: Run) -> NotBefore | None:
        """It may."""
        del run
        return None


def processor(plan: Callable[[Asked], Plan] = answers_all, publisher: Publisher | None = None) -> Processor:
    """A processor at a fixed time."""
    clock = FakeClock()
    publisher = publisher or Publisher(
        MemoryProducer(), "llm.chunks", clock, coalescing=Coalescing(False, 0.0, 1), max_buffered_bytes=10**6
    )
    decoder = RequestDecoder(max_bytes=10**6, max_messages=10, max_output_tokens=1000)
    return Processor(decoder, Open(plan), publisher, Outcome(10**6, clock), RULES, clock, lambda: 0.5, Seen())


def incoming(tenant: str | None = None, headers: tuple[tuple[str, bytes | None], ...] = (), **fields: Any) -> Incoming:
    """A record with a request that has these fields over the usual ones."""
    request = {"request_id": "r", "tenant": "own", "model": "m", "messages": [{"role": "user", "content": "x"}]}
    value = json.dumps({**request, **fields}).encode()
    return Incoming(RunId("llm.requests", 0, 7, 1), 7, b"key", value, headers, 5, MemoryJournal(), tenant)


def accepted(record: Incoming) -> Run:
    """The run of a record that is taken."""
    run = processor().accept(record)
    assert isinstance(run, Run)
    return run


def refusal(record: Incoming, plan: Callable[[Asked], Plan] = answers_all) -> dict[str, Any]:
    """The error in the result of a record that is refused."""
    terminal = processor(plan).accept(record)
    assert isinstance(terminal, Terminal)
    assert [written.topic for written in terminal.records] == ["results", "dead"]
    result = json.loads(terminal.records[0].value or b"")
    assert (result["status"], result["run_id"]) == ("rejected", "llm.requests/0/7@1")
    error: dict[str, Any] = result["error"]
    return error


def test_a_pinned_tenant_goes_before_the_records_own() -> None:
    """The source's word counts; without one the record's field is trusted."""
    assert (accepted(incoming("pinned")).tenant, accepted(incoming()).tenant) == ("pinned", "own")


def test_a_run_knows_what_it_repeats() -> None:
    """The header of a replay is taken when it is a run id, and ignored when it is anything else."""
    replay = accepted(incoming(headers=(("replay_of", b"llm.requests/1/2@3"),)))
    assert replay.replay_of == "llm.requests/1/2@3"
    assert accepted(incoming(headers=(("replay_of", b"\xff"),))).replay_of is None


@pytest.mark.parametrize(("deadline", "seconds"), [(None, 600), (NOW + 60, 60), (NOW + 10**7, 3600)])
def test_deadlines(deadline: float | None, seconds: float) -> None:
    """Without an own one the default counts from now; one far away is cut, for an answer that never comes."""
    fields: dict[str, Any] = {} if deadline is None else {"deadline": rfc3339(deadline)}
    assert accepted(incoming(**fields)).deadline == NOW + seconds


def test_a_start_in_a_while_moves_the_default_deadline() -> None:
    """The time to answer begins when the run may."""
    run = accepted(incoming(not_before=rfc3339(NOW + 100)))
    assert (run.not_before, run.deadline) == (NOW + 100, NOW + 700)


@pytest.mark.parametrize(
    ("not_before", "deadline", "words"), [(NOW + 901, None, "max_not_before_seconds"), (NOW + 60, NOW + 60, "deadline")]
)
def test_a_start_too_late_is_refused(not_before: float, deadline: float | None, words: str) -> None:
    """A run that waits holds its partition's commit, so it may not wait for long; nor past its own deadline."""
    fields: dict[str, Any] = {"not_before": rfc3339(not_before)} | (
        {} if deadline is None else {"deadline": rfc3339(deadline)}
    )
    assert words in refusal(incoming(**fields))["sentence"]


def test_a_defect_of_ours_is_a_dead_letter() -> None:
    """One record that trips over a bug must not stop its partition: its bytes are kept for later."""

    def trips(_: Asked) -> Plan:
        raise ZeroDivisionError("a bug")

    error = refusal(incoming(), trips)
    assert (error["code"], "a bug" in error["sentence"]) == ("internal_error", True)


def test_a_model_nobody_answers_keeps_the_request_id() -> None:
    """What could be read of a refused request stands in its result."""

    def nobody(_: Asked) -> Plan:
        raise InvalidRequest("nobody answers it", code="unknown_model")

    terminal = processor(nobody).accept(incoming("pinned"))
    assert isinstance(terminal, Terminal)
    result = json.loads(terminal.records[0].value or b"")
    assert (result["request_id"], result["tenant"], result["error"]["code"]) == ("r", "pinned", "unknown_model")


def test_times_are_read_with_their_zone() -> None:
    """12:00 at +02:00 is 10:00 in UTC."""
    noon = datetime.fromtimestamp(NOW, UTC).replace(microsecond=0)
    run = accepted(incoming(deadline=noon.isoformat().replace("+00:00", "-00:10")))
    assert run.deadline == pytest.approx(NOW + 600, abs=1)


async def test_texts_are_embedded_by_a_run_like_any_other() -> None:
    """The vectors stand in the result, in the order of the texts; nothing but begin and end is streamed."""
    works = processor()
    record = incoming()
    value = {"request_id": "r", "model": "m", "input": ["two words", "one"]}
    run = works.accept(record._replace(value=json.dumps(value).encode()))
    assert isinstance(run, Run)
    terminal = await works.process(run)
    result = decode_result(terminal.records[0].value or b"")
    assert (result.status, result.text, result.chunk_count) == ("completed", None, 2)
    assert [decode_vector(vector) for vector in result.embeddings or []] == [[9.0, 2.0], [3.0, 1.0]]


async def test_a_text_is_gone_on_with_by_a_run_like_any_other() -> None:
    """Without a conversation."""
    works = processor()
    value = b'{"request_id": "r", "model": "m", "text": "go on", "stream": false}'
    run = works.accept(incoming()._replace(value=value))
    assert isinstance(run, Run)
    terminal = await works.process(run)
    assert decode_result(terminal.records[0].value or b"").text == "go on"


async def test_a_credential_that_fails_in_mid_stream_starts_another_attempt() -> None:
    """An error object inside a 200 stream may say that the quota is used up.

    The run then waited and came back under the same attempt: a reader joined the beginning of one answer to the end
    of another, and it was shown as complete.
    """
    scripts: list[list[Step]] = [
        [Text("One two three"), QuotaExhausted("used up", provider="p")],
        [Text("Alpha beta gamma delta"), Completed(None, "stop")],
    ]
    provider = Scripted("p", lambda _: scripts.pop(0), asyncio.sleep)
    producer = MemoryProducer()
    publisher = Publisher(
        producer, "llm.chunks", FakeClock(), coalescing=Coalescing(False, 0.0, 1), max_buffered_bytes=10**6
    )
    works = processor(lambda asked: Plan.plain(Choice(provider, asked.request.model)), publisher)
    run = works.accept(incoming())
    assert isinstance(run, Run)
    with pytest.raises(NotNow):
        await works.process(run)
    terminal = await works.process(run)
    await publisher.stop()
    view = StreamView(str(run.id))
    for _, value, _ in producer.stored["llm.chunks", 0]:
        updates = view.add_chunk(decode_chunk(value or b""))
    result = decode_result(terminal.records[0].value or b"")
    assert [type(update) for update in view.add_result(result)] == [Finished]
    assert result.text == "Alpha beta gamma delta"
    chunks = [decode_chunk(value or b"") for _, value, _ in producer.stored["llm.chunks", 0]]
    assert {chunk.text for chunk in chunks if chunk.attempt == result.attempt} == {"", "Alpha beta gamma delta"}
    assert {chunk.text for chunk in chunks if chunk.attempt != result.attempt} == {"", "One two three"}
    assert updates == []


async def test_a_whole_answer_is_not_expired_by_late_acknowledgements() -> None:
    """It is paid for; only Kafka is late. The deadline is the provider's."""
    producer = MemoryProducer()
    producer.gate.clear()
    publisher = Publisher(
        producer, "llm.chunks", FakeClock(), coalescing=Coalescing(False, 0.0, 1), max_buffered_bytes=10**6
    )
    works = processor(answers_all, publisher)
    run = works.accept(incoming(deadline=rfc3339(NOW + 0.05)))
    assert isinstance(run, Run)
    processing = asyncio.create_task(works.process(run))
    await asyncio.sleep(0.15)
    assert not processing.done()
    producer.gate.set()
    result = decode_result((await processing).records[0].value or b"")
    await publisher.stop()
    assert result.status == "completed"
