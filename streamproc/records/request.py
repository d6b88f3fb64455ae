"""The request: what a producer puts on a request topic, in our own shape."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from streamproc.records.image import Image
from streamproc.records.message import CacheControl, FunctionName, ImagePart, Message, TextPart, ToolCall
from streamproc.records.shapes import ENCODABLE, WHOLE, FreeJson, Label, Name, RecordId, Strict, Timestamp

__all__ = [
    "CacheMode",
    "Message",
    "Prompted",
    "Request",
    "ResponseFormat",
    "Sampled",
    "ServiceTier",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "Unavailable",
]

Stop = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Stops = Annotated[list[Stop], Field(max_length=16)]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[str, StringConstraints(max_length=512)],
    ],
    Field(max_length=16),
]
OutputTokens = Annotated[int, Field(ge=1, lt=2**31), WHOLE]
Priority = Annotated[int, Field(ge=0, le=9), WHOLE]
Dimensions = Annotated[int, Field(ge=1, le=8192), WHOLE]  # a longer vector has no place in a result
EmbeddedText = Annotated[str, StringConstraints(min_length=1)]
EmbeddedTexts = Annotated[list[EmbeddedText], Field(min_length=1, max_length=2048)]

ServiceTier = Literal["auto", "default", "flex", "priority"]
"""How fast and how dear the provider answers; `auto` leaves it to the account's own setting there."""

Unavailable = Literal["wait", "stale", "degraded"]
"""What to do when nobody can answer: wait until the deadline; take an old answer of the cache if there is one; or else
the text that the route has for this."""

CacheMode = Literal["use", "refresh", "off"]
"""Whether a stored answer will do: `refresh` buys a new one and stores it, `off` leaves the cache alone."""

_MOST_IMAGES = 100
"""As many as the strictest provider takes; each is bounded in price for itself."""


class Function(Strict):
    """A function the model may call; `parameters` is a JSON Schema and is passed on as it is."""

    name: FunctionName
    description: str | None = None
    parameters: Annotated[FreeJson, ENCODABLE] | None = None
    strict: bool | None = None


class Tool(Strict):
    """A tool the model may call."""

    type: Literal["function"]
    function: Function
    cache_control: CacheControl | None = None


class NamedFunction(Strict):
    """Names a function."""

    name: FunctionName


class NamedTool(Strict):
    """Makes the model call this function."""

    type: Literal["function"]
    function: NamedFunction


ToolChoice = Literal["none", "auto", "required"] | NamedTool


class SchemaFormat(Strict):
    """A JSON Schema that the answer has to follow."""

    name: FunctionName
    description: str | None = None
    schema_: Annotated[FreeJson, ENCODABLE] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class ResponseFormat(Strict):
    """Native JSON mode of the provider."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaFormat | None = None

    @model_validator(mode="after")
    def _schema_belongs_to_its_type(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError('json_schema goes with type "json_schema", and only with it')
        return self


class Sampled(Strict):
    """The fields that shape any answer, by the same names in all request forms."""

    model: Label
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63), WHOLE] | None = None


class Prompted(Sampled):
    """The fields that go with a conversation alone."""

    response_format: ResponseFormat | None = None
    tools: Annotated[list[Tool], Field(min_length=1, max_length=128)] | None = None
    tool_choice: ToolChoice | None = None
    service_tier: ServiceTier | None = None


_FORMS: dict[str, tuple[str, ...]] = {
    "messages": ("dimensions",),
    "text": ("response_format", "tools", "tool_choice", "service_tier", "dimensions"),
    "input": (
        "temperature",
        "top_p",
        "seed",
        "response_format",
        "tools",
        "tool_choice",
        "service_tier",
        "max_output_tokens",
        "stop",
    ),
}
"""What a request may ask with, one of these; with each the options that mean nothing there."""


def _form_schema(form: str) -> dict[str, Any]:
    others = {name: {"type": "null"} for name in (*(_FORMS.keys() - {form, "messages"}), *_FORMS[form])}
    given = {form: {"not": {"type": "null"}}}
    absent = {} if form == "messages" else {"messages": False}
    return {"required": [form], "properties": {**others, **given, **absent}}


class Request(Prompted):
    """One request for one answer.

    It asks with one of three: `messages` is a conversation, `text` is what a text completion model goes on with,
    and `input` are texts whose embeddings are wanted, never streamed, of so many `dimensions` where the model makes
    shorter ones. `model` is a model's name, or `provider/model`, or the name of a route.
    Of the waiting requests of one tenant those with a higher `priority` go first; it is 5 where none is said.
    `stop` has up to 16 strings. `max_output_tokens` defaults to
    the worker's setting and is always sent. `deadline` and `not_before` are absolute times. `max_cost_usd` bounds
    what all provider calls of this request may cost together, in US dollars. `cache` says whether a stored answer will
    do, and `cache_ttl_seconds` how old it may be and how long this one is kept. `if_unavailable` says what to do when
    nobody can answer. `extra` holds provider options from
    the provider's allow-list; what cannot be priced is refused.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"oneOf": [_form_schema(form) for form in _FORMS]}
    )

    request_id: RecordId
    messages: Annotated[list[Message], Field(min_length=1, exclude_if=lambda messages: not messages)] = Field(
        default_factory=list
    )
    text: str | None = None
    input: EmbeddedTexts | None = None
    dimensions: Dimensions | None = None
    tenant: Name = "default"
    user: Name | None = None
    feature: Name | None = None
    priority: Priority | None = None
    metadata: Metadata | None = None
    max_output_tokens: OutputTokens | None = None
    stop: Stops | None = None
    stream: bool = True
    deadline: Timestamp | None = None
    not_before: Timestamp | None = None
    max_cost_usd: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    cache: CacheMode | None = None
    if_unavailable: Unavailable | None = None
    cache_ttl_seconds: Annotated[float, Field(gt=0)] | None = None
    extra: Annotated[FreeJson, Field(max_length=32), ENCODABLE] | None = None

    @model_validator(mode="after")
    def _asks_with_one_form(self) -> Self:
        forms = [name for name in _FORMS if getattr(self, name) not in (None, [])]
        if len(forms) != 1:
            raise ValueError("has one of messages, text and input")
        (form,) = forms
        if odd := [name for name in _FORMS[form] if getattr(self, name) is not None]:
            raise ValueError(f"{', '.join(odd)}: not with {form}")
        if len(self.images()) > _MOST_IMAGES:
            raise ValueError(f"messages: more than {_MOST_IMAGES} images")
        return self

    def images(self) -> list[Image]:
        """All images of the conversation."""
        return [part.image_url for part in self._parts() if isinstance(part, ImagePart)]

    def _parts(self) -> list[TextPart | ImagePart]:
        # Most messages are a text, without parts.
        return [part for message in self.messages if isinstance(message.content, list) for part in message.content]

    @property
    def takes_less(self) -> bool:
        """Whether it is content with less than an answer of its own when nobody can give one."""
        return self.if_unavailable not in (None, "wait")

    def caches_for_an_hour(self) -> bool:
        """Whether it asks the provider to keep a part of the prompt in its cache for an hour."""
        marked = [*self._parts(), *(self.tools or ())]
        return "1h" in [item.cache_control.ttl for item in marked if item.cache_control is not None]
