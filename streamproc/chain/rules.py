"""From the settings to the rules of the layers. Pure."""

from streamproc.chain.breaker import BreakerRules
from streamproc.chain.limits import LimitRules
from streamproc.chain.retry_rules import RetryPolicy, WaitRules
from streamproc.chain.schedule import ScheduleRules
from streamproc.money.dollars import nanos
from streamproc.settings.call_limits import CallLimitSettings
from streamproc.settings.retry import BreakerSettings, RetrySettings
from streamproc.settings.worker import WorkerSettings

__all__ = ["breaker_rules", "limit_rules", "retry_policy", "schedule_rules", "wait_rules"]


def limit_rules(settings: CallLimitSettings) -> LimitRules:
    """Limits with their bursts: unless stated a second's requests, and a minute's tokens."""
    per_minute = settings.requests_per_minute
    return LimitRules(
        requests_per_minute=per_minute,
        requests_burst=settings.requests_burst or max(1.0, (per_minute or 0.0) / 60),
        tokens_per_minute=settings.tokens_per_minute,
        tokens_burst=settings.token_bucket or 1.0,
        max_concurrent=settings.max_concurrent,
        max_tokens_in_flight=settings.max_tokens_in_flight,
    )


def breaker_rules(settings: BreakerSettings) -> BreakerRules:
    """The breaker's rules."""
    return BreakerRules(**settings.model_dump())


def retry_policy(settings: RetrySettings) -> RetryPolicy:
    """The retry budget of a run."""
    return RetryPolicy(
        attempts=settings.attempts,
        base_seconds=settings.base_seconds,
        cap_seconds=settings.cap_seconds,
        max_lost_attempts=settings.max_lost_attempts,
        max_seconds=settings.max_seconds,
        max_lost_nanos=None if settings.max_lost_usd is None else nanos(settings.max_lost_usd),
        restarts=settings.restarts,
    )


def wait_rules(settings: RetrySettings) -> WaitRules:
    """Waits of runs that gave their slot back."""
    return WaitRules(settings.wait_base_seconds, settings.wait_cap_seconds, settings.max_hint_seconds)


def schedule_rules(settings: WorkerSettings) -> ScheduleRules:
    """Bounds of the times that a request may name."""
    return ScheduleRules(
        settings.default_deadline_seconds, settings.max_deadline_seconds, settings.max_not_before_seconds
    )
