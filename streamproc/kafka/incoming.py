"""The incoming record: what the worker is given of a record that was read."""

from aiokafka import ConsumerRecord

from streamproc.chain.run import Incoming
from streamproc.errors import InvalidRequest
from streamproc.kafka.assignment import Assignment
from streamproc.records.deferral import deferral_of
from streamproc.records.headers import passed_on
from streamproc.records.identity import RunId

__all__ = ["incoming_of"]


def incoming_of(
    record: "ConsumerRecord[bytes, bytes]", assignment: Assignment, *, is_deferred: bool, is_ordered: bool
) -> Incoming:
    """A record with what is known of its run; one of the topic of deferred runs goes by the name of its request's.

    `is_ordered`: runs of one key of this topic are answered one after the other. A record without a key is free.
    """
    run_id = RunId(record.topic, record.partition, record.offset, record.timestamp)
    headers: tuple[tuple[str, bytes | None], ...] = tuple(record.headers)
    deferral = problem = None
    if is_deferred:
        try:
            deferral = deferral_of(headers, record.partition)
            # The rest are headers of the deferral's, and no word of the sender's.
            run_id, headers = RunId.parse(deferral.run_id), passed_on(headers)
        except InvalidRequest as error:
            problem = error
    return Incoming(
        id=run_id,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=headers,
        epoch=assignment.epoch,
        journal=assignment.journal.of(run_id, record.offset),
        history=assignment.inherited.history(record.offset, str(run_id), assignment.lost),
        tenant=assignment.tenant if deferral is None else deferral.tenant,
        deferral=deferral,
        problem=problem,
        order_key=(record.topic, record.partition, record.key) if is_ordered and record.key is not None else None,
    )
