"""What the tests of the HTTP engine share: two whole answers, and a look at its connections."""

from streamproc.providers.http_provider import HttpProvider
from tests.fakes import eventually
from tests.faults.raw_provider import DONE, END, FINISH, STREAM, USAGE, response, token

__all__ = ["ANSWER", "WHOLE", "nothing_left"]

ANSWER = STREAM + token("a") + token("b") + FINISH + USAGE + DONE + END
WHOLE = response(
    "200 OK", "application/json", b'{"choices":[{"message":{"content":"ab"},"finish_reason":"stop"}],"usage":null}'
)
NOTHING_LEFT = "<HttptoolsEngine <HttpPool 0 in use, 0 idle, 0 open, 0 waiting>>"


def engine_of(provider: HttpProvider) -> str:
    """What the engine says of its connections."""
    return repr(provider._transport._engine)


async def nothing_left(provider: HttpProvider) -> None:
    """Waits until no connection is open."""
    await eventually(lambda: engine_of(provider) == NOTHING_LEFT)
