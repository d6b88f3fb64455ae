"""Kafka: how it is reached, which topics are read and which are written."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from streamproc.settings.group import Group

__all__ = ["KafkaSettings", "SourceSettings", "StartWithoutOffset", "TopicSettings"]

StartWithoutOffset = Literal["refuse", "earliest", "latest"]


class KafkaSettings(Group):
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

    max_transaction_bytes: int = Field(
        16 * 2**20, ge=1, description="Results, bills and dead letters of one commit; what is more goes into the next."
    )

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


class SourceSettings(Group):
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
    order: Literal["none", "key"] = Field(
        "none", description="key: runs of one record key in a partition are answered one after the other."
    )


class TopicSettings(Group):
    """Output topics, and what `topics create` makes."""

    chunks: str = Field("llm.chunks", description="Tokens, while they are produced.")
    results: str = Field("llm.results", description="One terminal result for each run.")
    usage: str = Field("llm.usage", description="Lines of the bill.")
    journal: str = Field("llm.journal", description="Notes around calls, for whoever owns the partition next.")
    deferred: str = Field("llm.deferred", description="Runs that wait for their time, to be read again by the workers.")
    dead: str = Field("llm.dead", description="Records that are no valid request.")
    control: str = Field("llm.control", description="Cancels; every worker reads all of them.")
    admin: str = Field("llm.admin", description="Operators' words on budgets; every worker reads all of them.")
    alerts: str = Field("llm.alerts", description="What an operator should know of now.")
    partitions: int = Field(12, ge=1, le=10_000, description="For `topics create`.")
    replication_factor: int = Field(1, ge=1, le=32, description="For `topics create`; 3 in production.")

    def outputs(self) -> tuple[str, ...]:
        """Names of all output topics."""
        return (self.chunks, self.results, self.usage, self.dead, self.journal, self.deferred)
