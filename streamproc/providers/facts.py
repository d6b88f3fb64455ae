"""What is known of a model refuses requests that it cannot answer, before they cost a call."""

from streamproc.providers.refusal import unsupported
from streamproc.records.request import Request
from streamproc.records.vector import vector_characters
from streamproc.settings.provider import FactSettings

__all__ = ["check_facts"]


def check_facts(model: str, facts: FactSettings, request: Request, max_answer_characters: int) -> None:
    """Passes what is possible as far as it is known. An answer has at most `max_answer_characters`.

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
    if request.input is not None:
        _check_vectors(model, facts, request, len(request.input), max_answer_characters)


def _check_vectors(model: str, facts: FactSettings, request: Request, texts: int, max_answer_characters: int) -> None:
    dimensions = request.dimensions or facts.dimensions
    if dimensions is None:
        return
    if facts.dimensions is not None and dimensions > facts.dimensions:
        raise unsupported(f"dimensions: {model!r} makes vectors of {facts.dimensions}")
    characters = texts * vector_characters(dimensions)
    if characters > max_answer_characters:
        raise unsupported(
            f"input: {texts} vectors of {model!r} have {characters} characters;"
            f" limits.max_answer_characters is {max_answer_characters}"
        )
