"""Settings: one TOML file, `STREAMPROC_…` variables over it, secrets only from variables or files.

Each setting is declared once, with its unit in its name and one sentence. Relations between settings are checked
when they are read, and the message names both.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from streamproc.errors import SetupError

__all__ = [
    "ChunkSettings",
    "FactSettings",
    "KafkaSettings",
    "LimitSettings",
    "ObserveSettings",
    "PriceSettings",
    "ProviderSettings",
    "RetrySettings",
    "Settings",
    "SourceSettings",
    "StartWithoutOffset",
    "TierPriceSettings",
    "TimeoutSettings",
    "TlsSettings",
    "TopicSettings",
    "WorkerSettings",
    "load_settings",
    "read_secret",
]

_PREFIX = "STREAMPROC_"
_SECRETS = ("api_key", "proxy_password", "sasl_password")


class _Group(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )


StartWithoutOffset = Literal["refuse", "earliest", "latest"]


class KafkaSettings(_Group):
    """How to reach Kafka and how the group behaves."""

    bootstrap_servers: str = Field("localhost:9092", min_length=1, description="Comma-separated host:port list.")
    group: str = Field("streamproc", min_length=1, max_length=200, description="Consumer group of the workers.")
    instance_id: str | None = Field(
        None,
        max_length=249,
        pattern=r"^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$",
        description="Name of this process in the group, for platforms that give a restarted process its name again.",
    )
    start_without_offset: StartWithoutOffset = Field(
        "refuse",
        description="Where a group without committed offsets starts on a topic with records; refuse: it does not.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="As in Kafka's own clients."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field("PLAIN", description="With SASL.")
    sasl_username: str | None = Field(None, description="With SASL.")
    sasl_password: SecretStr | None = Field(None, description="From a variable only.")
    sasl_password_file: Path | None = Field(None, description="File that holds the SASL password.")
    ssl_ca_file: Path | None = Field(None, description="Certificate authorities, PEM; default the system's.")
    session_timeout_seconds: float = Field(10, gt=0, description="A dead worker's partitions move after this.")
    heartbeat_interval_seconds: float = Field(1, gt=0, description="At most a third of the session timeout.")
    transaction_timeout_seconds: float | None = Field(
        None,
        gt=0,
        description="Kafka ends a frozen worker's open transaction after this; default 60 % of the session timeout.",
    )
    rebalance_timeout_seconds: float = Field(60, gt=0, description="How long members may take to rejoin.")
    request_timeout_seconds: float = Field(40, gt=0, description="How long one Kafka request may take.")
    commit_interval_min_seconds: float = Field(0.025, gt=0, description="Shortest pause between commits.")
    commit_interval_max_seconds: float = Field(0.1, gt=0, description="Pause between commits on a quiet partition.")

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.heartbeat_interval_seconds * 3 > self.session_timeout_seconds:
            raise ValueError("heartbeat_interval_seconds must be at most a third of session_timeout_seconds")
        if (self.transaction_timeout_seconds or 0) >= self.session_timeout_seconds:
            raise ValueError("transaction_timeout_seconds must be below session_timeout_seconds")
        if self.commit_interval_min_seconds > self.commit_interval_max_seconds:
            raise ValueError("commit_interval_min_seconds must not exceed commit_interval_max_seconds")
        if self.security_protocol.startswith("SASL") and self.sasl_username is None:
            raise ValueError("security_protocol with SASL needs sasl_username")
        return self


class SourceSettings(_Group):
    """A request topic."""

    topic: str = Field("llm.requests", pattern=r"^[A-Za-z0-9._-]{1,249}$", description="Name of the topic.")
    tenant: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._:@/-]{1,128}$",
        description="Pins the tenant of every record; without it the record's own field is trusted.",
    )
    control: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,249}$",
        description="Control topic of the pinned tenant alone, beside topics.control.",
    )


class TopicSettings(_Group):
    """Output topics, and what `topics create` makes."""

    chunks: str = Field("llm.chunks", description="Tokens, while they are produced.")
    results: str = Field("llm.results", description="One terminal result for each run.")
    usage: str = Field("llm.usage", description="Lines of the bill.")
    journal: str = Field("llm.journal", description="Notes around calls, for whoever owns the partition next.")
    deferred: str = Field("llm.deferred", description="Runs that wait for their time, to be read again by the workers.")
    dead: str = Field("llm.dead", description="Records that are no valid request.")
    control: str = Field("llm.control", description="Cancels; every worker reads all of them.")
    partitions: int = Field(12, ge=1, le=10_000, description="For `topics create`.")
    replication_factor: int = Field(1, ge=1, le=32, description="For `topics create`; 3 in production.")

    def outputs(self) -> tuple[str, ...]:
        """Names of all output topics."""
        return (self.chunks, self.results, self.usage, self.dead, self.journal, self.deferred)


class WorkerSettings(_Group):
    """How much work one process takes."""

    max_running: int = Field(500, ge=1, le=100_000, description="Calls in flight, all together.")
    max_window: int = Field(
        4096,
        ge=1,
        le=16_000,
        description="Span of offsets per partition that may be unfinished; one poll of 100 may pass it.",
    )
    max_queued_bytes: int = Field(
        64 * 2**20, ge=1, description="Bytes of requests that wait for a slot; one poll of 100 may pass it."
    )
    default_deadline_seconds: float = Field(600, gt=0, description="For requests without their own deadline.")
    max_deadline_seconds: float = Field(86_400, gt=0, description="A request's own deadline counts at most this far.")
    max_not_before_seconds: float = Field(
        3600,
        gt=0,
        description="A request that wants to wait longer is refused: runs that wait for hours would hold up others.",
    )
    wait_for_journal: bool = Field(
        True,
        description="A call begins when its note is stored; false saves that wait, and a crash may hide calls.",
    )
    max_crashes: int = Field(
        3, ge=1, description="Workers that may die in the calls of one request; then it becomes a dead letter."
    )
    watchdog_seconds: float = Field(
        120, gt=0, description="The process ends when its poll loop stands still for so long; start it anew."
    )
    drain_seconds: float = Field(30, ge=0, description="How long running calls may go on after a stop signal.")
    max_cancels: int = Field(
        100_000, ge=1, description="Cancels remembered of each control topic; above it the oldest is forgotten."
    )
    max_cancel_age_seconds: float = Field(
        604_800, gt=0, description="Older cancels are forgotten; at least the retention of the request topics."
    )


class ChunkSettings(_Group):
    """How tokens are packed into records."""

    coalesce: bool = Field(True, description="Join tokens after the first one into larger chunks.")
    coalesce_seconds: float = Field(0.025, ge=0, le=10, description="Longest time a token waits for company.")
    coalesce_characters: int = Field(64, ge=1, le=65_536, description="A chunk of this length leaves at once.")
    max_buffered_bytes: int = Field(
        32 * 2**20, ge=65_536, description="Unacknowledged chunk bytes; above it providers are not read."
    )


class LimitSettings(_Group):
    """Bounds of requests and records."""

    max_request_bytes: int = Field(512 * 1024, ge=256, description="Bytes of a request record's value.")
    max_record_bytes: int = Field(
        1_000_000, ge=100_000, le=100_000_000, description="Bytes of a record we write; below the topics' limit."
    )
    max_messages: int = Field(1024, ge=1, description="Messages of a request.")
    max_output_tokens: int = Field(32_768, ge=1, description="Most output tokens a request may ask for.")
    default_output_tokens: int = Field(1024, ge=1, description="For requests that do not say.")
    max_answer_characters: int = Field(
        16 * 2**20, ge=1024, description="Characters of an answer; a longer one ends its call and fails."
    )

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.default_output_tokens > self.max_output_tokens:
            raise ValueError("default_output_tokens must not exceed max_output_tokens")
        return self


class RetrySettings(_Group):
    """When a provider fails."""

    attempts: int = Field(3, ge=1, le=20, description="Tries in a row before the run goes back to wait.")
    base_seconds: float = Field(0.5, gt=0, description="The first wait is spread over 0 to this.")
    cap_seconds: float = Field(20, gt=0, description="No wait between tries is longer.")
    max_lost_attempts: int = Field(3, ge=0, description="Lost attempts that may have been billed, before a run fails.")
    wait_base_seconds: float = Field(1, gt=0, description="First wait of a run that went back to its queue.")
    wait_cap_seconds: float = Field(30, gt=0, description="Longest such wait, unless the provider asks for more.")


class TimeoutSettings(_Group):
    """Deadlines of one HTTP call."""

    connect_seconds: float = Field(5, gt=0, description="To a connection.")
    first_byte_seconds: float = Field(60, gt=0, description="From the request to the response's headers.")
    idle_seconds: float = Field(30, gt=0, description="Between two events; comments and pings are no progress.")
    total_seconds: float = Field(120, gt=0, description="For the whole call.")


class TierPriceSettings(_Group):
    """Own price of a model on one service tier, in US dollars per million tokens."""

    input_usd: float = Field(..., ge=0, description="Input tokens.")
    output_usd: float = Field(..., ge=0, description="Output tokens, reasoning included.")
    cached_input_usd: float | None = Field(None, ge=0, description="Input read from the provider's cache.")
    cache_write_usd: float | None = Field(None, ge=0, description="Input written to the provider's cache.")
    cache_write_1h_usd: float | None = Field(
        None, ge=0, description="Input written to stay for an hour; without it, requests that ask for that are refused."
    )
    web_search_usd: float | None = Field(None, ge=0, description="One search by the provider's own tool.")


class PriceSettings(TierPriceSettings):
    """Own price of a model, in US dollars per million tokens."""

    tiers: dict[str, TierPriceSettings] = Field(
        default_factory=dict, description="Of other service tiers, by the name the provider has for them."
    )


class CredentialSettings(_Group):
    """One more credential of a provider."""

    api_key: SecretStr | None = Field(None, description="From a variable only.")
    api_key_file: Path | None = Field(None, description="File that holds the key.")


class FactSettings(_Group):
    """What a model can do; what is not said is not known, and left to the provider to refuse."""

    context_tokens: int | None = Field(None, ge=1, description="Size of its context, prompt and answer together.")
    max_output_tokens: int | None = Field(None, ge=1, description="The most it answers.")
    images: bool | None = Field(None, description="Whether it takes images.")
    tools: bool | None = Field(None, description="Whether it calls tools.")
    json_schema: bool | None = Field(None, description="Whether it follows a JSON Schema.")


class TlsSettings(_Group):
    """Files in PEM form."""

    ca_file: Path | None = Field(None, description="Certificate authorities to trust; default the system's.")
    cert_file: Path | None = Field(None, description="Our own certificate, where the server asks for one.")
    key_file: Path | None = Field(None, description="Its key, without a password; default in cert_file.")


ProviderKind = Literal["openai_chat", "openai_responses", "openai_completions", "anthropic", "ollama", "scripted"]

_BASE_URLS = {"anthropic": "https://api.anthropic.com", "ollama": "http://localhost:11434"}


class ProviderSettings(_Group):
    """An outside service and its models."""

    kind: ProviderKind = Field("openai_chat", description="Wire format.")
    base_url: str = Field(
        "https://api.openai.com/v1",
        pattern=r"^https?://[^\s@?#]+$",
        description="OpenAI's kinds: up to and without /chat; others: without a path. Default: the vendor's own.",
    )
    models: tuple[str, ...] = Field(..., min_length=1, description="Names of models this provider answers.")
    api_key: SecretStr | None = Field(None, description="From a variable only.")
    api_key_file: Path | None = Field(None, description="File that holds the key.")
    credentials: dict[str, CredentialSettings] = Field(
        default_factory=dict, description="More keys, by names of your own; calls take turns over all."
    )
    facts: dict[str, FactSettings] = Field(default_factory=dict, description="What is known of models, by model.")
    price_provider: str | None = Field(
        None, description="Whose price list applies (a provider id of genai-prices); default: found by base_url."
    )
    prices: dict[str, PriceSettings] = Field(default_factory=dict, description="Own prices by model.")
    image_tokens: int | None = Field(
        None,
        ge=0,
        description="Most input tokens of one image; default by the published rules of OpenAI and Anthropic.",
    )
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = Field(
        "max_completion_tokens", description="What this server calls the output limit."
    )
    max_connections: int = Field(1000, ge=1, description="Connections of this process to the provider.")
    keep_alive: bool = Field(
        True, description="Use connections again; turn it off for a server that hangs up after each answer (llama.cpp)."
    )
    engine: Literal["httptools", "httpx"] = Field(
        "httptools", description="HTTP engine: our own, or httpx for proxies, and with the extra http2 for HTTP/2."
    )
    proxy: str | None = Field(
        None, pattern=r"^https?://[^\s@/?#]+$", description="URL of an HTTP proxy, for the engine httpx."
    )
    proxy_user: str | None = Field(None, description="Our name there, where it asks for one.")
    proxy_password: SecretStr | None = Field(None, description="From a variable only.")
    proxy_password_file: Path | None = Field(None, description="File that holds the proxy's password.")
    tls: TlsSettings = Field(default_factory=lambda: TlsSettings(), description="For https.")
    check_at_start: bool = Field(True, description="Refuse to start while this provider's address is unreachable.")
    timeouts: TimeoutSettings = Field(default_factory=lambda: TimeoutSettings(), description="Of one call.")

    @model_validator(mode="before")
    @classmethod
    def _address_of_the_vendor(cls, values: Any) -> Any:
        if isinstance(values, dict) and "base_url" not in values and values.get("kind") in _BASE_URLS:
            return {**values, "base_url": _BASE_URLS[values["kind"]]}
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.proxy is not None and self.engine != "httpx":
            raise ValueError('proxy needs engine = "httpx"')
        has_password = self.proxy_password is not None or self.proxy_password_file is not None
        if has_password != (self.proxy_user is not None) or (has_password and self.proxy is None):
            raise ValueError("proxy_user and proxy_password go together, with proxy")
        if self.tls.key_file is not None and self.tls.cert_file is None:
            raise ValueError("tls.key_file needs tls.cert_file")
        unknown = [name for name in (*self.facts, *self.prices) if name not in self.models]
        if unknown:
            raise ValueError(f"facts and prices are for models of this provider, which {unknown[0]!r} is not")
        return self


class ObserveSettings(_Group):
    """Logs, metrics, health."""

    metrics_host: str = Field("127.0.0.1", description="Address of the metrics and health port.")
    metrics_enabled: bool = Field(True, description="Serve metrics and health checks.")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="0 takes a free port.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is shown.")
    log_format: Literal["json", "console"] = Field("json", description="For machines or for people.")


class Settings(BaseSettings):
    """All settings of a worker and of the commands."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
    )

    kafka: KafkaSettings = Field(default_factory=lambda: KafkaSettings())
    sources: tuple[SourceSettings, ...] = Field(default_factory=lambda: (SourceSettings(),), min_length=1)
    topics: TopicSettings = Field(default_factory=lambda: TopicSettings())
    worker: WorkerSettings = Field(default_factory=lambda: WorkerSettings())
    chunks: ChunkSettings = Field(default_factory=lambda: ChunkSettings())
    limits: LimitSettings = Field(default_factory=lambda: LimitSettings())
    retry: RetrySettings = Field(default_factory=lambda: RetrySettings())
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    observe: ObserveSettings = Field(default_factory=lambda: ObserveSettings())
    allow_unpriced: bool = Field(False, description="Answer requests to models without a known price; cost is null.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 the signature is pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before the file."""
        del dotenv_settings, file_secret_settings
        assert isinstance(env_settings, EnvSettingsSource)  # noqa: S101 narrows the type for mypy
        return (env_settings, init_settings)

    @model_validator(mode="after")
    def _relations(self) -> Self:
        names = [source.topic for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("sources: two sources have the same topic")
        outputs = self.topics.outputs()
        if len(set(outputs)) < len(outputs) or set(outputs) & set(names):
            raise ValueError("topics: every topic needs a name of its own, different from the sources' topics")
        pinned = {(source.control, source.tenant) for source in self.sources if source.control is not None}
        if any(tenant is None for _, tenant in pinned):
            raise ValueError("sources: a control topic of its own is for a source with a pinned tenant")
        controls = [self.topics.control, *(control for control, _ in pinned)]
        if len(set(controls)) < len(controls) or set(controls) & {*outputs, *names}:
            raise ValueError("topics: every control topic needs a name of its own, and one tenant or topics.control")
        for name in self.providers:
            # Variables are read without regard to case, and two underscores part their levels.
            if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
                raise ValueError(f"providers: {name!r} must be lower-case letters, digits and single underscores")
        if self.limits.max_request_bytes > self.limits.max_record_bytes:
            raise ValueError("limits: max_request_bytes must not exceed max_record_bytes")
        return self

    def control_topics(self) -> dict[str, str | None]:
        """Names of the control topics, each with the tenant that it is for; None is for all of them."""
        return {source.control: source.tenant for source in self.sources if source.control is not None} | {
            self.topics.control: None
        }


def load_settings(path: Path | None) -> Settings:
    """Reads the TOML file, if there is one, and the environment over it.

    Raises:
        SetupError: the file cannot be read, or a setting is wrong; the message names each place.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as exc:
            raise SetupError(f"cannot read the settings file {path}: {exc.strerror or exc}") from exc
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
            raise SetupError(f"{path} is not valid TOML: {exc}") from exc
        _refuse_secrets(values, path, "")
    _refuse_unknown_variables()
    try:
        return Settings(**values)
    except ValidationError as exc:
        places = "; ".join(
            # A relation between settings names them itself.
            ": ".join(filter(None, (".".join(map(str, error["loc"])), error["msg"].removeprefix("Value error, "))))
            for error in exc.errors()
        )
        raise SetupError(f"wrong settings in {path or 'the environment'}: {places}") from exc
    except ValueError as exc:  # pydantic-settings, for a variable that is no JSON where JSON is needed
        raise SetupError(f"wrong settings in the environment: {exc}") from exc


def _refuse_unknown_variables() -> None:
    # pydantic-settings passes over variables whose first word is no setting, so a slip of the pen would go unseen.
    known = {name.upper() for name in Settings.model_fields} | {"CONFIG"}
    for name in os.environ:
        word = name.removeprefix(_PREFIX).upper().split("__")[0]
        if name.startswith(_PREFIX) and word not in known and not word.startswith(("TEST_", "REQUIRE_")):
            raise SetupError(f"the variable {name} names no setting; `streamproc config show` lists them all")


def _refuse_secrets(values: dict[str, Any], path: Path, place: str) -> None:
    for name, value in values.items():
        if name in _SECRETS and value is not None:
            variable = f"STREAMPROC_{(place + name).replace('.', '__').upper()}"
            raise SetupError(
                f"{path}: {place}{name} is a secret and does not belong into the file;"
                f" set {variable} or {place}{name}_file"
            )
        if isinstance(value, dict):
            _refuse_secrets(value, path, f"{place}{name}.")


def read_secret(value: SecretStr | None, file: Path | None, place: str) -> str | None:
    """The secret itself: the variable's value, else the file's content without white space around it.

    Raises:
        SetupError: the file cannot be read or is empty.
    """
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        content = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SetupError(f"cannot read {place}_file {file}: {exc}") from exc
    if not content:
        raise SetupError(f"{place}_file {file} is empty")
    return content
