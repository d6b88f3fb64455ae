"""A trial: one tiny call to a model, to see whether it answers, how quickly, and if not, what to do."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic, time

from streamproc.chain.call import Call, Progress
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.provider import Completed, Provider
from streamproc.errors import (
    BadRequest,
    ConnectFailed,
    CredentialRefused,
    MalformedStream,
    ProviderError,
    QuotaExhausted,
)
from streamproc.records.request import Message, Request
from streamproc.records.usage import TokenCounts

__all__ = ["Trial", "attempt"]

_OUTPUT_TOKENS = 16  # the least that all of OpenAI's models take
_PROMPT = "Say: works"

_ADVICE: tuple[tuple[type[ProviderError], str], ...] = (
    (CredentialRefused, "set a key that may use this model: {variable} or providers.{provider}.api_key_file"),
    (QuotaExhausted, "see the account's credit and limits at the provider"),
    (BadRequest, "see whether providers.{provider}.models and base_url name what the provider serves"),
    (ConnectFailed, "see whether providers.{provider}.base_url is the server's address, and whether it runs"),
    (MalformedStream, "see whether providers.{provider}.kind and base_url fit the server"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it: the first event and the whole answer after so many seconds, and its usage; or else a problem.

    `usage` is None when the provider told none.
    """

    provider: str
    model: str
    first_seconds: float | None
    seconds: float
    usage: TokenCounts | None
    problem: str | None


async def attempt(provider: Provider, model: str, seconds: float, *, goes_on: bool = False) -> Trial:
    """Makes the call and waits so long at most. It is no run: nothing is published or journalled.

    `goes_on`: the model goes on with a text, and answers no conversation.
    """
    began = monotonic()
    first: float | None = None
    usage: TokenCounts | None = None
    problem: str | None = None
    try:
        async with (
            asyncio.timeout(seconds),
            aclosing(provider.stream(_call(model, seconds, goes_on=goes_on))) as events,
        ):
            async for event in events:
                first = first or monotonic() - began
                if isinstance(event, Completed):
                    usage = event.usage
    except TimeoutError:
        problem = f"{provider.name} did not answer within {seconds:g} s"
    except ProviderError as error:
        problem = _with_advice(error, provider.name)
    return Trial(provider.name, model, first, monotonic() - began, usage, problem)


def _with_advice(error: ProviderError, provider: str) -> str:
    advice = next((words for kind, words in _ADVICE if isinstance(error, kind)), None)
    if advice is None:
        return str(error)
    variable = f"STREAMPROC_PROVIDERS__{provider.upper()}__API_KEY"
    return f"{str(error).rstrip('.')}; {advice.format(provider=provider, variable=variable)}"


def _call(model: str, seconds: float, *, goes_on: bool) -> Call:
    asks = {"text": _PROMPT} if goes_on else {"messages": [Message(role="user", content=_PROMPT)]}
    request = Request.model_validate(
        {"request_id": "check", "model": model, "max_output_tokens": _OUTPUT_TOKENS, **asks}
    )
    return Call(
        run_id="check",
        tenant=request.tenant,
        request=request,
        model=model,
        max_output_tokens=_OUTPUT_TOKENS,
        prompt_bytes=len(request.model_dump_json()),
        input_hash="",
        deadline=time() + seconds,
        progress=Progress(attempt=0),
        journal=MemoryJournal(),
    )
