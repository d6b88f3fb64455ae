"""All settings together, and the relations between their groups."""

import re
from collections.abc import Iterator
from typing import ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from streamproc.settings.billing import BillingSettings
from streamproc.settings.budgets import BudgetSettings
from streamproc.settings.cache import CacheSettings
from streamproc.settings.call_limits import CallLimitSettings
from streamproc.settings.kafka import KafkaSettings, SourceSettings, TopicSettings
from streamproc.settings.provider import ProviderSettings
from streamproc.settings.retry import BreakerSettings, RetrySettings
from streamproc.settings.routes import RouteSettings, check_routes
from streamproc.settings.shared_limits import SharedLimitSettings
from streamproc.settings.tenant import TenantSettings
from streamproc.settings.worker import ChunkSettings, LimitSettings, ObserveSettings, WorkerSettings

__all__ = ["PREFIX", "Settings"]

PREFIX = "STREAMPROC_"
"""Of all variables."""


class Settings(BaseSettings):
    """All settings of a worker and of the commands."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
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
    breaker: BreakerSettings = Field(default_factory=lambda: BreakerSettings())
    tenants: dict[str, TenantSettings] = Field(
        default_factory=dict, description='Limits by tenant; "*" is each one that is not named, by itself.'
    )
    shared_limits: SharedLimitSettings = Field(default_factory=lambda: SharedLimitSettings())
    cache: CacheSettings = Field(default_factory=lambda: CacheSettings())
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    routes: dict[str, RouteSettings] = Field(default_factory=dict)
    budgets: BudgetSettings = Field(default_factory=lambda: BudgetSettings())
    observe: ObserveSettings = Field(default_factory=lambda: ObserveSettings())
    billing: BillingSettings = Field(default_factory=lambda: BillingSettings())
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
        others = [self.topics.admin, self.topics.alerts]
        if len({*others, *controls, *outputs, *names}) < len(others) + len(controls) + len(outputs) + len(names):
            raise ValueError("topics: admin and alerts need names of their own")
        if self.budgets.is_on and not self.worker.wait_for_journal:
            raise ValueError("budgets need worker.wait_for_journal: a crash must not hide a call that they let begin")
        for name in self.providers:
            # Variables are read without regard to case, and two underscores part their levels.
            if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
                raise ValueError(f"providers: {name!r} must be lower-case letters, digits and single underscores")
        if self.limits.max_request_bytes > self.limits.max_record_bytes:
            raise ValueError("limits: max_request_bytes must not exceed max_record_bytes")
        return self

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        check_routes(self.routes, self.providers)
        return self

    @model_validator(mode="after")
    def _bursts_fit(self) -> Self:
        for place, limits in self._call_limits():
            if limits.token_bucket is not None and limits.token_bucket < self.limits.default_output_tokens:
                raise ValueError(
                    f"{place}: {'tokens_burst' if limits.tokens_burst else 'tokens_per_minute'} is"
                    f" {limits.token_bucket:g}, and no request would ever fit that asks for the"
                    f" {self.limits.default_output_tokens} of limits.default_output_tokens"
                )
            most = limits.max_tokens_in_flight
            if most is not None and most < self.limits.default_output_tokens:
                raise ValueError(
                    f"{place}: max_tokens_in_flight is {most}, less than one answer of"
                    f" limits.default_output_tokens ({self.limits.default_output_tokens})"
                )
        return self

    @model_validator(mode="after")
    def _caps_fit(self) -> Self:
        for name, tenant in self.tenants.items():
            if tenant.max_concurrent is not None and tenant.max_concurrent > self.worker.max_running:
                raise ValueError(
                    f"tenants.{name}: max_concurrent is {tenant.max_concurrent}, and there are only"
                    f" {self.worker.max_running} slots of worker.max_running"
                )
        return self

    def _call_limits(self) -> Iterator[tuple[str, CallLimitSettings]]:
        for name, provider in self.providers.items():
            yield f"providers.{name}.limits", provider.limits
            for credential, own in provider.credentials.items():
                if own.limits is not None:
                    yield f"providers.{name}.credentials.{credential}.limits", own.limits
        for tenant, limits in self.tenants.items():
            yield f"tenants.{tenant}", limits

    def control_topics(self) -> dict[str, str | None]:
        """Names of the control topics, each with the tenant that it is for; None is for all of them."""
        return {source.control: source.tenant for source in self.sources if source.control is not None} | {
            self.topics.control: None
        }
