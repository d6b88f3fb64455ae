"""CreateTopics: new topics, or only the answer whether they could be made."""

from collections import Counter
from typing import Any

from aiokafka.protocol.admin import CreateTopicsRequest_v3

from streamproc.embedded.cluster import NODE_ID, Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.topic_settings import SettingRefused
from streamproc.embedded.topics import MAX_PARTITIONS, Topics, is_legal_name

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "CreateTopics"
REQUESTS = (CreateTopicsRequest_v3,)

_DEFAULT = -1


class _Refused(Exception):
    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


async def answer(cluster: Cluster, client: Client, request: CreateTopicsRequest_v3) -> tuple[Any, ...]:
    """Throttle time; each topic with code and message."""
    del client
    wanted = request.create_topic_requests
    times = Counter(name for name, *_ in wanted)
    answers: dict[str, tuple[Code, str | None]] = {}
    for name, partitions, replicas, assignment, configs in wanted:
        fault = cluster.faults.code(NAME, name)
        if fault is not None:
            answers[name] = fault, None
            continue
        try:
            if times[name] > 1:
                raise _Refused(Code.INVALID_REQUEST, "Duplicate topic name.")
            _check_name(cluster.topics, name)
            count = _partitions(partitions, replicas, assignment)
            _create(cluster.topics, name, count, dict(configs), validate_only=request.validate_only)
            answers[name] = Code.NONE, None
        except _Refused as refused:
            answers[name] = refused.code, str(refused)
    return 0, [(name, code, message) for name, (code, message) in answers.items()]


def _check_name(topics: Topics, name: str) -> None:
    if not is_legal_name(name):
        raise _Refused(Code.INVALID_TOPIC_EXCEPTION, f"Topic name is invalid: {name!r}")
    if topics.get(name):
        raise _Refused(Code.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
    if clash := topics.clash(name):
        raise _Refused(Code.INVALID_TOPIC_EXCEPTION, f"Topic '{name}' collides with existing topic: {clash}")


def _create(topics: Topics, name: str, partitions: int, configs: dict[str, str | None], *, validate_only: bool) -> None:
    if not topics.has_room_for(partitions):
        raise _Refused(Code.POLICY_VIOLATION, f"This broker has at most {MAX_PARTITIONS} partitions.")
    try:
        settings = topics.settings(configs)
    except SettingRefused as refused:
        raise _Refused(Code.INVALID_CONFIG, str(refused)) from refused
    if not validate_only:
        topics.create(name, partitions, settings)


def _partitions(partitions: int, replicas: int, assignment: list[tuple[int, list[int]]]) -> int:
    """How many partitions are wanted, on this node."""
    if assignment:
        if (partitions, replicas) != (_DEFAULT, _DEFAULT):
            raise _Refused(Code.INVALID_REQUEST, "A manual assignment excludes the number of partitions or replicas.")
        if sorted(number for number, _ in assignment) != list(range(len(assignment))):
            raise _Refused(Code.INVALID_REPLICA_ASSIGNMENT, "Partitions should be a consecutive 0-based sequence.")
        if any(nodes != [NODE_ID] for _, nodes in assignment):
            raise _Refused(Code.INVALID_REPLICA_ASSIGNMENT, f"The only broker has the id {NODE_ID}.")
        return len(assignment)
    if partitions < 1 and partitions != _DEFAULT:
        raise _Refused(Code.INVALID_PARTITIONS, "Number of partitions must be larger than 0.")
    if replicas not in {1, _DEFAULT}:
        raise _Refused(Code.INVALID_REPLICATION_FACTOR, "There is one broker only.")
    return 1 if partitions == _DEFAULT else partitions
