"""A trial: one tiny call to a model with one credential: does it answer, how quickly, and if not, what to do."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic, time
from typing import Any

from streamproc.chain.call import Call, Progress
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.provider import Completed, Provider, Told
from streamproc.errors import (
    BadRequest,
    ConnectFailed,
    CredentialRefused,
    InvalidRequest,
    MalformedStream,
    ProviderError,
    QuotaExhausted,
    RequestFault,
    ServerFault,
)
from streamproc.providers.api_keys import MAIN
from streamproc.records.request import Message, Request
from streamproc.records.usage import TokenCounts

__all__ = ["Trial", "attempt"]

_OUTPUT_TOKENS = 16  # the least that all of OpenAI's models take
_PROMPT = "Say: works"

_ADVICE: tuple[tuple[type[ProviderError], str], ...] = (
    (CredentialRefused, "set a key that may use this model: {variable} or {place}.api_key_file"),
    (QuotaExhausted, "see the account's credit and limits at the provider"),
    (BadRequest, "see whether providers.{provider}.models and base_url name what the provider serves"),
    (ConnectFailed, "see whether providers.{provider}.base_url is the server's address, and whether it runs"),
    (MalformedStream, "see whether providers.{provider}.kind and base_url fit the server"),
)


_NOT_IMPLEMENTED = 501


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it: the first event and the whole answer after so many seconds, and its usage; or else a problem.

    `usage` is None when the provider told none.
    """

    provider: str
    credential: str
    model: str
    first_seconds: float | None
    seconds: float
    usage: TokenCounts | None
    problem: str | None


async def attempt(provider: Provider, credential: str, model: str, seconds: float, *, goes_on: bool = False) -> Trial:
    """Makes the call and waits so long at most. It is no run: nothing is published or journalled.

    A model that refuses it is asked for embeddings: nothing tells beforehand which models make nothing else.

    Args:
        provider: as it is seen with the credential.
        credential: its name in the settings.
        model: the provider's own name.
        seconds: for each of the two calls.
        goes_on: the model goes on with a text, and answers no conversation.
    """
    said = {"text": _PROMPT} if goes_on else {"messages": [Message(role="user", content=_PROMPT)]}
    asked: dict[str, Any] = {**said, "max_output_tokens": _OUTPUT_TOKENS}
    trial, error = await _attempt(provider, credential, model, seconds, asked)
    if _may_make_embeddings(error):
        second, error = await _attempt(provider, credential, model, seconds, {"input": [_PROMPT]})
        if error is None:
            return second
    return trial


def _may_make_embeddings(error: Exception | None) -> bool:
    """How servers refuse to talk with such a model: by 400 and 404, OpenAI also by 403, llama.cpp by 501."""
    return isinstance(error, (RequestFault, CredentialRefused)) or (
        isinstance(error, ServerFault) and error.status_code == _NOT_IMPLEMENTED
    )


async def _attempt(
    provider: Provider, credential: str, model: str, seconds: float, asked: dict[str, Any]
) -> tuple[Trial, Exception | None]:
    began = monotonic()
    first: float | None = None
    usage: TokenCounts | None = None
    problem: str | None = None
    fault: Exception | None = None
    try:
        async with asyncio.timeout(seconds), aclosing(provider.stream(_call(model, seconds, asked))) as events:
            async for event in events:
                if first is None and not isinstance(event, Told):
                    first = monotonic() - began
                if isinstance(event, Completed):
                    usage = event.usage
    except TimeoutError as error:
        fault, problem = error, f"{provider.name} did not answer within {seconds:g} s"
    except InvalidRequest as error:  # embeddings, where the API makes none
        fault, problem = error, str(error)
    except ProviderError as error:
        fault, problem = error, _with_advice(error, provider, credential)
    return Trial(provider.name, credential, model, first, monotonic() - began, usage, problem), fault


def _with_advice(error: ProviderError, provider: Provider, credential: str) -> str:
    advice = next((words for kind, words in _ADVICE if isinstance(error, kind)), None)
    if advice is None:
        return str(error)
    path = ("providers", provider.name, *(() if credential == MAIN else ("credentials", credential)))
    variable = f"STREAMPROC_{'__'.join(path)}__API_KEY".upper()
    told = advice.format(provider=provider.name, variable=variable, place=".".join(path))
    return f"{str(error).rstrip('.')}; {told}"


def _call(model: str, seconds: float, asked: dict[str, Any]) -> Call:
    request = Request.model_validate({"request_id": "check", "model": model, **asked})
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
