"""What the broker knows: everything an API may look at or change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from streamproc.embedded.faults import Faults
from streamproc.embedded.groups import Groups
from streamproc.embedded.topics import Topics
from streamproc.embedded.transactions import Transactions

__all__ = ["NODE_ID", "Client", "Cluster"]

NODE_ID: Final = 1
"""Id of the only broker, which leads every partition and coordinates every group and transaction."""


class Client(NamedTuple):
    """Who sent a request: the id it gives itself, and its address."""

    id: str
    host: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster of one node.

    Attributes:
        host, port: what clients are told to connect to.
        now: unix time in seconds.
        versions: lowest and highest version that is served, by number of the API.
    """

    host: str
    port: int
    topics: Topics
    groups: Groups
    transactions: Transactions
    faults: Faults
    now: Callable[[], float]
    versions: Mapping[int, tuple[int, int]] = field(default_factory=dict)
