"""Groups as an operator sees them: where their coordinator is, their state, and their end."""

from typing import Any, NamedTuple

from aiokafka.protocol.admin import DeleteGroupsRequest_v1, DescribeGroupsRequest_v3, ListGroupsRequest_v1
from aiokafka.protocol.coordination import FindCoordinatorRequest_v1

from streamproc.embedded.codes import Code
from tests.contract.broker.wire import Wire

__all__ = ["GROUP", "TRANSACTION", "Described", "coordinator", "delete", "describe", "groups"]

GROUP, TRANSACTION = 0, 1


class Described(NamedTuple):
    """Answer to DescribeGroups; `members` are (id, client id, host, metadata, assignment)."""

    code: Code
    state: str
    protocol_type: str
    protocol: str
    members: list[tuple[str, str, str, bytes, bytes]]


async def coordinator(wire: Wire, name: str, kind: int) -> Any:
    """Answer to FindCoordinator for a group or a transactional id."""
    return await wire.ask(FindCoordinatorRequest_v1(name, kind))


async def describe(wire: Wire, group: str) -> Described:
    """State and members of a group."""
    ((code, named, *rest),) = (await wire.ask(DescribeGroupsRequest_v3([group], False))).groups
    assert named == group
    state, protocol_type, protocol, members = rest[:4]
    return Described(Code(code), state, protocol_type, protocol, members)


async def groups(wire: Wire) -> dict[str, str]:
    """Protocol type of each group that is there."""
    answer = await wire.ask(ListGroupsRequest_v1())
    assert answer.error_code == Code.NONE
    return dict(answer.groups)


async def delete(wire: Wire, group: str) -> Code:
    """One DeleteGroups request."""
    ((_, code),) = (await wire.ask(DeleteGroupsRequest_v1([group]))).results
    return Code(code)
