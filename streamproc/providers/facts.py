"""What is known of a model refuses requests that it cannot answer, before they cost a call."""

from streamproc.providers.refusal import unsupported
from streamproc.records.request import Request
from streamproc.settings.provider import FactSettings

__all__ = ["check_facts"]


def check_facts(model: str, facts: FactSettings, request: Request) -> None:
    """Passes what is possible as far as it is known.

    Raises:
        InvalidRequest: names the field of the request, the model and what it cannot do.
    """
    most = min((limit for limit in (facts.max_output_tokens, facts.context_tokens) if limit is not None), default=None)
    if most is not None and (request.max_output_tokens or 0) > most:
        raise unsupported(f"max_output_tokens: {model!r} answers at most {most} tokens")
    if facts.images is False and request.images():
        raise unsupported(f"messages: {model!r} takes no images")
    if facts.tools is False and request.tools:
        raise unsupported(f"tools: {model!r} calls no tools")
    form = request.response_format
    if facts.json_schema is False and form is not None and form.json_schema is not None:
        raise unsupported(f"response_format: {model!r} follows no JSON Schema")
