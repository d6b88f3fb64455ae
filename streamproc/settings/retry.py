"""When a provider fails: further tries and waits, and when it is not asked any more."""

from typing import Self

from pydantic import Field, model_validator

from streamproc.settings.group import Group

__all__ = ["BreakerSettings", "RetrySettings"]


class RetrySettings(Group):
    """Further tries of a call, and waits of its run."""

    attempts: int = Field(3, ge=1, le=20, description="Tries in a row before the run goes back to wait.")
    base_seconds: float = Field(0.5, gt=0, description="The first wait is spread over 0 to this.")
    cap_seconds: float = Field(20, gt=0, description="No wait between tries is longer.")
    max_seconds: float = Field(60, gt=0, description="Tries in a row take no longer, their waits included.")
    max_hint_seconds: float = Field(300, gt=0, description="A longer wait that a provider asks for counts as this.")
    max_lost_attempts: int = Field(3, ge=0, description="Lost attempts that may have been billed, before a run fails.")
    max_lost_usd: float | None = Field(
        None, ge=0, description="What they may have cost together, before a run fails; unknown prices do not count."
    )
    restarts: bool = Field(
        True, description="Ask anew when an answer breaks off after its first token; false: its run fails."
    )
    wait_base_seconds: float = Field(1, gt=0, description="First wait of a run that went back to its queue.")
    wait_cap_seconds: float = Field(30, gt=0, description="Longest such wait, unless the provider asks for more.")
    process_ratio: float = Field(
        0.1, ge=0, le=10, description="Tries in a row of a whole process, as a part of its requests."
    )
    process_per_second: float = Field(
        2,
        ge=0,
        description="So many more a second, so that a quiet process may retry, too; ten seconds' worth at once.",
    )

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.base_seconds > self.cap_seconds:
            raise ValueError("base_seconds must not exceed cap_seconds")
        if self.wait_base_seconds > self.wait_cap_seconds:
            raise ValueError("wait_base_seconds must not exceed wait_cap_seconds")
        if self.cap_seconds > self.max_seconds:
            raise ValueError("cap_seconds must not exceed max_seconds")
        return self


class BreakerSettings(Group):
    """When a credential is not asked for a model any more, and for how long."""

    enabled: bool = Field(True, description="Stop asking a provider that fails.")
    window_calls: int = Field(100, ge=1, le=10_000, description="So many calls are looked at, the last ones.")
    window_seconds: float = Field(30, gt=0, description="And none that ended longer ago.")
    min_calls: int = Field(10, ge=1, description="Fewer calls prove nothing.")
    failure_rate: float = Field(0.5, gt=0, le=1, description="Share of failed calls that opens it.")
    slow_seconds: float | None = Field(None, gt=0, description="A later first token is slow; without it none is.")
    slow_rate: float = Field(0.8, gt=0, le=1, description="Share of slow calls that opens it.")
    open_seconds: float = Field(2, gt=0, description="After so long one call probes the provider.")
    max_open_seconds: float = Field(60, gt=0, description="A longer pause that a provider asks for counts as this.")
    refused_seconds: float = Field(30, gt=0, description="The same after a wrong key or a used-up quota.")

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.min_calls > self.window_calls:
            raise ValueError("min_calls must not exceed window_calls")
        if self.open_seconds > self.max_open_seconds:
            raise ValueError("open_seconds must not exceed max_open_seconds")
        return self
