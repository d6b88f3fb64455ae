"""One worker: how much work it takes, how it packs and bounds records, what it tells."""

from typing import Literal, Self

from pydantic import Field, model_validator

from streamproc.settings.group import Group

__all__ = ["ChunkSettings", "LimitSettings", "ObserveSettings", "WorkerSettings"]


class WorkerSettings(Group):
    """How much work one process takes."""

    max_running: int = Field(500, ge=1, le=100_000, description="Calls in flight, all together.")
    max_route_share: float = Field(
        0.8, gt=0, le=1, description="Part of max_running that one route may have, where there are several; 1: all."
    )
    max_tenant_share: float = Field(
        1, gt=0, le=1, description="Part of max_running that one tenant may have, where there are several; 1: all."
    )
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


class ChunkSettings(Group):
    """How tokens are packed into records."""

    coalesce: bool = Field(True, description="Join tokens after the first one into larger chunks.")
    coalesce_seconds: float = Field(0.025, ge=0, le=10, description="Longest time a token waits for company.")
    coalesce_characters: int = Field(64, ge=1, le=65_536, description="A chunk of this length takes no more tokens.")
    linger_seconds: float = Field(
        0.01, ge=0, le=1, description="Longest time a chunk behind the first waits for those of others to go with."
    )
    max_buffered_bytes: int = Field(
        32 * 2**20, ge=65_536, description="Unacknowledged chunk bytes; above it providers are not read."
    )


class LimitSettings(Group):
    """Bounds of requests and records."""

    max_request_bytes: int = Field(512 * 1024, ge=256, description="Bytes of a request record's value.")
    max_record_bytes: int = Field(
        1_000_000, ge=100_000, le=100_000_000, description="Bytes of a record we write; below the topics' limit."
    )
    max_messages: int = Field(1024, ge=1, description="Messages of a request.")
    max_output_tokens: int = Field(32_768, ge=1, le=10**9, description="Most output tokens a request may ask for.")
    default_output_tokens: int = Field(1024, ge=1, description="For requests that do not say.")
    max_answer_characters: int = Field(
        16 * 2**20, ge=1024, description="Characters of an answer; a longer one ends its call and fails."
    )

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.default_output_tokens > self.max_output_tokens:
            raise ValueError("default_output_tokens must not exceed max_output_tokens")
        return self


class ObserveSettings(Group):
    """Logs, metrics, health."""

    metrics_host: str = Field("127.0.0.1", description="Address of the metrics and health port.")
    metrics_enabled: bool = Field(True, description="Serve metrics and health checks.")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="0 takes a free port.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is shown.")
    log_format: Literal["json", "console"] = Field("json", description="For machines or for people.")
