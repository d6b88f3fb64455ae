"""Whether a model of the settings can answer a request: what its API takes, and what the settings say it can do."""

from typing import NamedTuple

from streamproc.errors import InvalidRequest
from streamproc.providers.dialects import spoken
from streamproc.providers.facts import check_facts
from streamproc.providers.refusal import unsupported
from streamproc.records.request import Request
from streamproc.settings.provider import FactSettings, ProviderSettings

__all__ = ["Fit", "fit"]


class Fit(NamedTuple):
    """`problem` is why the model cannot; `unsaid` are facts that the request needs and the settings do not tell."""

    problem: str | None
    unsaid: frozenset[str] = frozenset()


def fit(
    provider: ProviderSettings,
    model: str,
    request: Request,
    *,
    input_tokens: int | None,
    max_output_tokens: int,
    max_answer_characters: int,
) -> Fit:
    """Looks, and calls nobody. `input_tokens` are an estimate; None where it is not known."""
    facts = provider.facts.get(model) or FactSettings()
    try:
        _check_api(provider, request)
        check_facts(model, facts, request, max_answer_characters)
        _check_context(model, facts, (input_tokens or 0) + max_output_tokens)
    except InvalidRequest as error:
        return Fit(str(error))
    needs = {
        "images": bool(request.images()),
        "tools": bool(request.tools),
        "json_schema": request.response_format is not None and request.response_format.json_schema is not None,
        "context_tokens": True,
    }
    return Fit(None, frozenset(name for name, needed in needs.items() if needed and getattr(facts, name) is None))


def _check_api(provider: ProviderSettings, request: Request) -> None:
    if provider.kind == "scripted":
        return
    dialects = spoken(provider)
    dialect = dialects.answers if request.input is None else dialects.embeddings
    if dialect is None:
        raise unsupported("input: this API makes no embeddings")
    dialect.check(request)


def _check_context(model: str, facts: FactSettings, tokens: int) -> None:
    if facts.context_tokens is not None and tokens > facts.context_tokens:
        raise unsupported(
            f"messages: prompt and answer may be longer than the context of {model!r}, {facts.context_tokens} tokens"
        )
