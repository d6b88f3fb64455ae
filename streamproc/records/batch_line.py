"""OpenAI Batch API input lines (https://platform.openai.com/docs/guides/batch), accepted as they are."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, TypeAdapter

from streamproc.records.message import Message
from streamproc.records.request import (
    Dimensions,
    EmbeddedText,
    EmbeddedTexts,
    Metadata,
    OutputTokens,
    Prompted,
    Request,
    Sampled,
    Stop,
    Stops,
)
from streamproc.records.shapes import WHOLE, Label, Name, RecordId, Strict

__all__ = ["BATCH_LINE", "BatchLine", "request_adapter"]

_One = Annotated[int, Field(ge=1, le=1), WHOLE]


class _Answered(Sampled):
    """What bodies of chat and text completions share, as far as it can be priced. `user` is the request's user."""

    max_tokens: OutputTokens | None = None
    stop: Stop | Stops | None = None
    stream: bool = False
    n: _One | None = None
    user: Name | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, float] | None = None


class ChatBody(_Answered, Prompted):
    """Body of a chat completion."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: OutputTokens | None = None
    metadata: Metadata | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Annotated[str, StringConstraints(max_length=32)] | None = None


class CompletionBody(_Answered):
    """Body of a text completion, for one prompt."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]
    best_of: _One | None = None


class EmbeddingBody(Strict):
    """Body of embeddings."""

    model: Label
    input: EmbeddedText | EmbeddedTexts
    dimensions: Dimensions | None = None
    encoding_format: Literal["float"] | None = None
    user: Name | None = None


class _Line(Strict):
    """Any line."""

    custom_id: RecordId
    method: Literal["POST"]


class ChatLine(_Line):
    """A line that asks for a chat completion."""

    url: Literal["/v1/chat/completions"]
    body: ChatBody

    def request(self) -> Request:
        """The same request in our own shape. The tenant is the default one, unless the source pins another."""
        body = self.body
        return Request(
            request_id=self.custom_id,
            messages=body.messages,
            metadata=body.metadata,
            max_output_tokens=body.max_completion_tokens or body.max_tokens,
            response_format=body.response_format,
            tools=body.tools,
            tool_choice=body.tool_choice,
            service_tier=body.service_tier,
            **_shared(body),
        )


class CompletionLine(_Line):
    """A line that asks for a text completion."""

    url: Literal["/v1/completions"]
    body: CompletionBody

    def request(self) -> Request:
        """The same request in our own shape, as above."""
        body = self.body
        text = body.prompt if isinstance(body.prompt, str) else body.prompt[0]
        return Request(request_id=self.custom_id, text=text, max_output_tokens=body.max_tokens, **_shared(body))


class EmbeddingLine(_Line):
    """A line that asks for embeddings."""

    url: Literal["/v1/embeddings"]
    body: EmbeddingBody

    def request(self) -> Request:
        """The same request in our own shape, as above."""
        body = self.body
        return Request(
            request_id=self.custom_id,
            model=body.model,
            input=[body.input] if isinstance(body.input, str) else body.input,
            user=body.user,
            stream=False,
            dimensions=body.dimensions,
        )


_EXTRAS = ("frequency_penalty", "presence_penalty", "logit_bias", "parallel_tool_calls", "reasoning_effort")


def _shared(body: _Answered) -> dict[str, Any]:
    extra = {name: value for name in _EXTRAS if (value := getattr(body, name, None)) is not None}
    return {
        "model": body.model,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "seed": body.seed,
        "stop": [body.stop] if isinstance(body.stop, str) else body.stop,
        "stream": body.stream,
        "user": body.user,
        "extra": extra or None,
    }


BatchLine = ChatLine | CompletionLine | EmbeddingLine
_CHAT, _COMPLETION, _EMBEDDING = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
_Tagged = (
    Annotated[ChatLine, Tag(_CHAT)]
    | Annotated[CompletionLine, Tag(_COMPLETION)]
    | Annotated[EmbeddingLine, Tag(_EMBEDDING)]
)


def _form(value: Any) -> str | None:
    if not isinstance(value, dict) or "custom_id" not in value:
        return "request"
    url = value.get("url", _CHAT)
    return url if url in (_CHAT, _COMPLETION, _EMBEDDING) else None


_BY_FORM = Discriminator(
    _form, custom_error_type="wrong_url", custom_error_message=f"url: must be {_CHAT}, {_COMPLETION} or {_EMBEDDING}"
)

BATCH_LINE: TypeAdapter[BatchLine] = TypeAdapter(Annotated[_Tagged, _BY_FORM])
"""Validates a line of any kind."""


def request_adapter() -> TypeAdapter[Request | BatchLine]:
    """Validates any request form; a record with a `custom_id` is read as a Batch API line."""
    return TypeAdapter(Annotated[Annotated[Request, Tag("request")] | _Tagged, _BY_FORM])
