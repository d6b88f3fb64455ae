"""How much a credential or a tenant may use in a minute, and at a time."""

from typing import Self

from pydantic import Field, model_validator

from streamproc.settings.group import Group

__all__ = ["CallLimitSettings"]


class CallLimitSettings(Group):
    """Limits of calls, in each process or shared by `shared_limits`; what is not said is not limited."""

    requests_per_minute: float | None = Field(None, gt=0, description="Calls a minute.")
    requests_burst: float | None = Field(
        None, ge=1, description="Calls that may begin at once; default: those of a second, at least 1."
    )
    tokens_per_minute: float | None = Field(
        None, gt=0, description="Tokens a minute: the prompt's by its size, and the most of the answer, until it ended."
    )
    tokens_burst: float | None = Field(
        None, ge=1, description="Tokens that may be asked for at once; default: those of a minute."
    )
    max_concurrent: int | None = Field(None, ge=1, description="Calls at a time.")
    max_tokens_in_flight: int | None = Field(
        None, ge=1, description="Tokens at a time, of all calls that have begun and not ended."
    )

    @model_validator(mode="after")
    def _relations(self) -> Self:
        for burst, limit in (("requests_burst", "requests_per_minute"), ("tokens_burst", "tokens_per_minute")):
            most, per_minute = getattr(self, burst), getattr(self, limit)
            if most is not None and per_minute is None:
                raise ValueError(f"{burst} needs {limit}")
            if most is not None and most > per_minute:
                raise ValueError(f"{burst} ({most:g}) must not exceed {limit} ({per_minute:g})")
        return self

    @property
    def token_bucket(self) -> float | None:
        """The most tokens one call can be let in with; None is no limit."""
        return self.tokens_burst or self.tokens_per_minute
