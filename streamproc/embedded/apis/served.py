"""The APIs that are served, by their number and version in the protocol."""

from collections.abc import Coroutine, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from streamproc.embedded.apis import (
    add_offsets_to_txn,
    add_partitions_to_txn,
    alter_configs,
    api_versions,
    create_topics,
    delete_groups,
    delete_topics,
    describe_configs,
    describe_groups,
    end_txn,
    fetch,
    find_coordinator,
    heartbeat,
    init_producer_id,
    join_group,
    leave_group,
    list_groups,
    list_offsets,
    metadata,
    offset_commit,
    offset_fetch,
    produce,
    sync_group,
    txn_offset_commit,
)
from streamproc.embedded.cluster import Client, Cluster

__all__ = ["SERVED", "Api", "Served"]


class Api(Protocol):
    """A module of this folder."""

    NAME: str
    """As in Kafka's documentation of the protocol."""
    REQUESTS: tuple[Any, ...]
    """aiokafka's structs of the versions that are served."""

    def answer(self, cluster: Cluster, client: Client, request: Any, /) -> Coroutine[Any, Any, tuple[Any, ...] | None]:
        """Fields of the response struct, in their order; None if the client wants no answer."""
        ...


class Served(NamedTuple):
    """One version of an API."""

    api: Api
    request: Any


_APIS: tuple[Api, ...] = (
    produce,
    fetch,
    list_offsets,
    metadata,
    offset_commit,
    offset_fetch,
    find_coordinator,
    join_group,
    heartbeat,
    leave_group,
    sync_group,
    describe_groups,
    list_groups,
    api_versions,
    create_topics,
    delete_topics,
    init_producer_id,
    add_partitions_to_txn,
    add_offsets_to_txn,
    end_txn,
    txn_offset_commit,
    describe_configs,
    alter_configs,
    delete_groups,
)

SERVED: Mapping[tuple[int, int], Served] = MappingProxyType(
    {(request.API_KEY, request.API_VERSION): Served(api, request) for api in _APIS for request in api.REQUESTS}
)
