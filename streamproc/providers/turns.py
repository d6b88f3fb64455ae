"""Turns: the credentials of one provider, used one after the other, so that each bears its part of the load."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import cycle
from typing import NamedTuple

from streamproc.chain.call import Call
from streamproc.chain.provider import Event, Provider
from streamproc.errors import CredentialFault

__all__ = ["Credential", "Turns"]


class Credential(NamedTuple):
    """A credential's name in the settings, and the provider as it is seen with it."""

    name: str
    provider: Provider


class Turns:
    """A provider with several credentials. A call that one of them is refused goes to the next at its next try."""

    def __init__(self, name: str, credentials: Sequence[Credential]) -> None:
        """`name` is the provider's in the settings; there is at least one credential."""
        self._name = name
        self._turns = cycle(credentials)

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._name

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """Makes the call with the credential whose turn it is. An error of the credential says which it was."""
        credential = next(self._turns)
        try:
            async with aclosing(credential.provider.stream(call)) as events:
                async for event in events:
                    yield event
        except CredentialFault as error:
            error.args = (f"{error} (credential {credential.name!r})",)
            raise
