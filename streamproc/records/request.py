"""The request: what a producer puts on a request topic, as our own shape or as an OpenAI Batch API input line."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, TypeAdapter, model_validator

from streamproc.records.shapes import ENCODABLE, WHOLE, FreeJson, Label, Name, RecordId, Strict, Timestamp

__all__ = ["BatchLine", "Message", "Request", "Tool", "request_adapter"]

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
FunctionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class TextPart(Strict):
    """A piece of a message's text."""

    type: Literal["text"]
    text: str


class CalledFunction(Strict):
    """A function the model asked for; `arguments` is the model's own text, not always valid JSON."""

    name: FunctionName
    arguments: str


class ToolCall(Strict):
    """A tool call of an earlier answer, sent back as part of the conversation."""

    id: Label
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(Strict):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: FunctionName | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=128)] | None = None
    tool_call_id: Label | None = None


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


class Prompted(Strict):
    """The fields that shape the answer, by the same names in both request forms."""

    model: Label
    messages: Annotated[list[Message], Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63), WHOLE] | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Tool], Field(min_length=1, max_length=128)] | None = None
    tool_choice: ToolChoice | None = None


class Request(Prompted):
    """One request for one answer.

    `model` is a model's name, or `provider/model`. `stop` has up to 16 strings. `max_output_tokens` defaults to
    the worker's setting and is always sent. `deadline` and `not_before` are absolute times. `max_cost_usd` bounds
    what all provider calls of this request may cost together, in US dollars. `extra` holds provider options from
    the provider's allow-list; what cannot be priced is refused.
    """

    request_id: RecordId
    tenant: Name = "default"
    user: Name | None = None
    feature: Name | None = None
    metadata: Metadata | None = None
    max_output_tokens: OutputTokens | None = None
    stop: Stops | None = None
    stream: bool = True
    deadline: Timestamp | None = None
    not_before: Timestamp | None = None
    max_cost_usd: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    extra: Annotated[FreeJson, Field(max_length=32), ENCODABLE] | None = None


class BatchBody(Prompted):
    """The body of an OpenAI Batch API input line, as far as it can be priced. `user` becomes the request's user."""

    max_tokens: OutputTokens | None = None
    max_completion_tokens: OutputTokens | None = None
    stop: Stop | Stops | None = None
    stream: bool = False
    n: Annotated[int, Field(ge=1, le=1), WHOLE] | None = None
    user: Name | None = None
    metadata: Metadata | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, float] | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Annotated[str, StringConstraints(max_length=32)] | None = None


_EXTRAS = ("frequency_penalty", "presence_penalty", "logit_bias", "parallel_tool_calls", "reasoning_effort")


class BatchLine(Strict):
    """An OpenAI Batch API input line (https://platform.openai.com/docs/guides/batch), accepted as it is."""

    custom_id: RecordId
    method: Literal["POST"]
    url: Literal["/v1/chat/completions"]
    body: BatchBody

    def request(self) -> Request:
        """The same request in our own shape. The tenant is the default one, unless the source pins another."""
        body = self.body
        extra = {name: value for name in _EXTRAS if (value := getattr(body, name)) is not None}
        return Request(
            request_id=self.custom_id,
            model=body.model,
            messages=body.messages,
            temperature=body.temperature,
            top_p=body.top_p,
            seed=body.seed,
            response_format=body.response_format,
            tools=body.tools,
            tool_choice=body.tool_choice,
            user=body.user,
            metadata=body.metadata,
            max_output_tokens=body.max_completion_tokens or body.max_tokens,
            stop=[body.stop] if isinstance(body.stop, str) else body.stop,
            stream=body.stream,
            extra=extra or None,
        )


def _form(value: Any) -> str:
    is_batch = "custom_id" in value if isinstance(value, dict) else isinstance(value, BatchLine)
    return "batch line" if is_batch else "request"


def request_adapter() -> TypeAdapter[Request | BatchLine]:
    """Validates either request form; a record with a `custom_id` is read as a Batch API line."""
    return TypeAdapter(
        Annotated[
            Annotated[Request, Tag("request")] | Annotated[BatchLine, Tag("batch line")],
            Discriminator(_form),
        ]
    )
