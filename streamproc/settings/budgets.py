"""Budgets: how much may be spent, by whom, in which time, and who is told."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from streamproc.records.pattern import Pattern, parse_pattern
from streamproc.settings.group import Group
from streamproc.settings.time_zone import zone_of

__all__ = ["BudgetSettings", "CapSettings", "ThrottleSettings"]

Window = Literal["day", "month"]

_LEAST_USD = 1e-9

Share = Annotated[float, Field(gt=0, le=1)]


class ThrottleSettings(Group):
    """Slower calls on the way to a cap."""

    at: Share = Field(..., description="Share of the cap from whose spending on its calls are slowed down.")
    per_minute: float = Field(..., gt=0, description="To so many requests a minute, in each process.")


class CapSettings(Group):
    """One cap, in US dollars or in tokens."""

    scope: str = Field(..., description="global, tenant=NAME, user=NAME or feature=NAME; * is any, each by itself.")
    tenant: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._:@/-]{1,128}$",
        description="Whose user it is; default: the user, or any user, of each tenant.",
    )
    window: Window = Field(..., description="day or month, of budgets.time_zone.")
    usd: float | None = Field(None, ge=0, le=9e9, description="The most that may be spent, in US dollars.")
    tokens: int | None = Field(None, ge=0, le=2**63 - 1, description="The most tokens, input and output together.")
    kill_at: Share | None = Field(None, description="Default: budgets.kill_at.")
    alerts: tuple[Share, ...] | None = Field(None, description="Default: budgets.alerts.")
    action: Literal["stop", "alert"] = Field("stop", description="stop: hold and refuse calls; alert: only tell.")
    throttle: ThrottleSettings | None = Field(None, description="Slows its calls down; default: it does not.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        parse_pattern(self.scope, self.tenant)
        if (self.usd is None) == (self.tokens is None):
            raise ValueError("usd or tokens, one of them")
        if self.usd is not None and 0 < self.usd < _LEAST_USD:
            raise ValueError(f"usd {self.usd:g} is less than a nano-dollar, the least amount; 0 lets no call begin")
        return self

    @property
    def pattern(self) -> Pattern:
        """Whom it is for."""
        return parse_pattern(self.scope, self.tenant)


class BudgetSettings(Group):
    """Caps, and what happens on the way to them."""

    enabled: bool = Field(
        False, description="Keep a ledger also without caps here, for those that `streamproc budget set` gives."
    )
    ledger: Literal["memory", "redis"] = Field(
        "memory", description="Where it is kept; memory: for one worker alone; redis: for all workers of the group."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis of the ledger, redis://HOST:PORT/DB. From a variable only."
    )
    redis_url_file: Path | None = Field(None, description="File that holds the URL.")
    redis_timeout_seconds: float = Field(2, gt=0, description="A Redis that takes longer to answer counts as away.")
    note_within_seconds: float = Field(
        15,
        gt=0,
        description="With Redis: a call begins only if its note is stored so soon after its reservation. Whoever"
        " builds a lost ledger anew waits as long.",
    )
    time_zone: str = Field("UTC", description="Whose days and months are counted, such as Europe/Berlin.")
    kill_at: Share = Field(0.9, description="Share of a cap at whose spending new calls are refused; 1 is off.")
    alerts: tuple[Share, ...] = Field((0.5, 0.8, 0.9, 1.0), description="Shares of a cap whose spending is told.")
    caps: tuple[CapSettings, ...] = Field((), description="A call needs room under each that is for it.")
    skip_unreadable: bool = Field(
        False,
        description="Go on behind a usage record that cannot be read; it is told, and no budget counts it. Without it"
        " no call begins.",
    )
    max_labels: int = Field(200, ge=1, description="Budgets that metrics show by name; the rest is not shown.")
    webhook_url: SecretStr | None = Field(None, description="Is sent each alert as JSON. From a variable only.")
    webhook_url_file: Path | None = Field(None, description="File that holds the webhook's URL.")

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        zone_of(name)
        return name

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        keys = [(cap.pattern, cap.window, cap.usd is None) for cap in self.caps]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise ValueError(f"caps: there are two for {twice[0]} a {twice[1]} in the same unit")
        return self

    @model_validator(mode="after")
    def _slows_before_it_stops(self) -> Self:
        for cap in self.caps:
            kill_at = self.kill_at if cap.kill_at is None else cap.kill_at
            if cap.throttle is not None and cap.action == "stop" and cap.throttle.at >= kill_at:
                raise ValueError(
                    f"caps: throttle.at {cap.throttle.at:g} of the cap for {cap.pattern} is not below its kill_at"
                    f" {kill_at:g}, where its calls are stopped"
                )
        return self

    @model_validator(mode="after")
    def _knows_redis(self) -> Self:
        if self.ledger == "redis" and self.redis_url is None and self.redis_url_file is None:
            raise ValueError("ledger = 'redis' needs redis_url in a variable, or redis_url_file")
        return self

    @property
    def is_on(self) -> bool:
        """Whether there is a ledger at all."""
        return self.enabled or bool(self.caps)
