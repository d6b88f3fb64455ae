"""The error tree. The class of an error decides the fate of its run.

    StreamprocError
    ├── SetupError                 wrong configuration or surroundings: one sentence, exit code 2
    ├── NotNow                     the run cannot go on now: it waits without a slot, until its deadline
    ├── PublishFailed              Kafka did not take our records: nothing is committed
    └── RunError                   the run ends with a terminal result
        ├── InvalidRequest         bytes that are no valid request
        ├── BudgetRefused          the money allowed does not cover what the call may cost
        ├── DeadlinePassed
        ├── Cancelled              the sender wants no answer any more
        ├── RetryBudgetSpent       too many attempts were lost that may have been billed, or too much money
        ├── AnswerCut              it broke off after its first token, and the settings want no new attempt
        ├── AnswerTooLong          the answer passed the size the settings allow
        └── ProviderError          what a provider did, with its status, code and hints
            ├── Transient          ConnectFailed · TimedOut · Disconnected · IncompleteStream · MalformedStream
            │                      RateLimited · Overloaded · ServerFault
            ├── CredentialFault    CredentialRefused · QuotaExhausted
            └── RequestFault       BadRequest · ContextTooLong · ContentPolicy

Fate table (each cell is a test, in `tests/unit/test_fates.py`; `docs/resilience.md` shows it):

| outcome | retried | falls back | breaker | published | committed |
|---|---|---|---|---|---|
| completed | – | – | success | chunks, result, usage | yes |
| InvalidRequest | no | no | – | dead letter, `rejected` | yes |
| BudgetRefused | no | no | – | `rejected`, usage of earlier calls | yes |
| NotNow: a budget is held by others' reservations | waits | no | – | nothing yet | no |
| NotNow: the ledger is away, or being rebuilt | waits | no | – | nothing yet | no |
| DeadlinePassed | no | no | – | `expired`, usage so far | yes |
| Cancelled | no | no | – | `cancelled`, usage so far | yes |
| RequestFault | no | no | success | `failed`, usage if billed | yes |
| ContextTooLong, on a route | no | to a longer context | success | as that one | as that one |
| CredentialFault | waits | yes | opens | nothing yet | no |
| Transient, before the first token | yes, then waits | yes | failure | nothing yet | no |
| Transient, after the first token | yes, visibly, then waits | yes | failure | chunks of each attempt | no |
| no credential takes a call: breaker, limits | waits | yes | – | nothing yet | no |
| the last four or RetryBudgetSpent, with `if_unavailable` | no | last | as above | spare answer, `degraded` | yes |
| RetryBudgetSpent | no | no | failure | `failed`, usage | yes |
| AnswerCut | no | no | failure | `failed`, usage | yes |
| AnswerTooLong | no | no | – | `failed`, usage | yes |
| PublishFailed, partition lost, drain | no | no | – | usage of cut calls | no |

Who waits does so without a slot, and until its deadline. Calls that may have been billed are then on its bill.
"""

from collections.abc import Callable
from typing import ClassVar, Literal, Protocol

__all__ = [
    "AnswerCut",
    "AnswerTooLong",
    "BadRequest",
    "BudgetRefused",
    "Cancelled",
    "ConnectFailed",
    "ContentPolicy",
    "ContextTooLong",
    "CredentialFault",
    "CredentialRefused",
    "DeadlinePassed",
    "Disconnected",
    "IncompleteStream",
    "InvalidRequest",
    "MalformedStream",
    "NotNow",
    "Overloaded",
    "ProviderError",
    "PublishFailed",
    "QuotaExhausted",
    "RateLimited",
    "RequestFault",
    "RetryBudgetSpent",
    "RunError",
    "ServerFault",
    "SetupError",
    "Signal",
    "StreamprocError",
    "TimedOut",
    "Transient",
]

TerminalStatus = Literal["failed", "rejected", "expired", "cancelled"]


class StreamprocError(Exception):
    """Everything this package raises on purpose."""


class SetupError(StreamprocError):
    """The configuration or the surroundings are wrong; the message says what, where and what to do."""


class Signal(Protocol):
    """Tells once that somebody who waits may try again."""

    def then(self, told: Callable[[], bool]) -> None:
        """Has it called at that time; it says whether anybody still waited."""
        ...


class NotNow(StreamprocError):
    """The run cannot go on at present; it goes back to its ready queue and takes no slot.

    Attributes:
        code: why, for metrics and logs.
        retry_after_seconds: what the cause asked for, or None when it did not say.
        room: tells when it is worth another try before that; None says that only time tells.
    """

    def __init__(
        self,
        sentence: str,
        *,
        code: str = "not_now",
        retry_after_seconds: float | None = None,
        room: Signal | None = None,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_after_seconds = retry_after_seconds
        self.room = room


class PublishFailed(StreamprocError):
    """Kafka did not acknowledge records of ours; whether it stored them is not known."""


class RunError(StreamprocError):
    """Ends its run: `status` and `code` go into the result, the message is its sentence."""

    status: ClassVar[TerminalStatus] = "failed"
    code: str = "failed"


class InvalidRequest(RunError):
    """The record is no valid request. It goes to the dead letters and its run is `rejected`."""

    status = "rejected"
    code = "invalid_request"

    def __init__(self, sentence: str, *, code: str = "invalid_request") -> None:
        super().__init__(sentence)
        self.code = code


class BudgetRefused(RunError):
    """The next call may cost more than the request still allows."""

    status = "rejected"
    code = "budget_refused"


class DeadlinePassed(RunError):
    """The request's deadline came before its answer."""

    status = "expired"
    code = "deadline_passed"


class Cancelled(RunError):
    """The sender cancelled the run. Nobody failed: it is neither tried again nor counted against a provider."""

    status = "cancelled"
    code = "cancelled_by_user"


class RetryBudgetSpent(RunError):
    """More attempts were lost that may have been billed than one run may pay for."""

    code = "retry_budget_spent"


class AnswerCut(RunError):
    """The answer broke off after its first token, and `retry.restarts` is off."""

    code = "answer_cut"


class AnswerTooLong(RunError):
    """The answer passed `limits.max_answer_characters`; the call was ended and is billed for what came."""

    code = "answer_too_long"


class ProviderError(RunError):
    """What a provider did wrong, or said is wrong with the request.

    Attributes:
        provider: name of the provider in the settings.
        status_code: HTTP status, or None when no response came.
        provider_code: the provider's own error code or type, if it gave one.
        request_id: the provider's own id of the call, if it gave one.
        retry_after_seconds: the provider's hint, or None.
        should_retry: whether the provider says that the same call may be tried again, or None.
        may_have_cost: whether the provider may bill this call although it failed.
    """

    code = "provider_error"
    may_have_cost_by_default: ClassVar[bool] = False

    def __init__(
        self,
        sentence: str,
        *,
        provider: str,
        status_code: int | None = None,
        provider_code: str | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
        should_retry: bool | None = None,
        may_have_cost: bool | None = None,
    ) -> None:
        super().__init__(sentence)
        self.provider = provider
        self.status_code = status_code
        self.provider_code = provider_code
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.should_retry = should_retry
        self.may_have_cost = self.may_have_cost_by_default if may_have_cost is None else may_have_cost


class Transient(ProviderError):
    """May succeed when tried again unchanged."""

    code = "transient"


class ConnectFailed(Transient):
    """No connection came about, so nothing was sent and nothing can be billed."""

    code = "connect_failed"


class TimedOut(Transient):
    """No first byte, no event or no end in time; the provider may have worked and billed."""

    code = "timed_out"
    may_have_cost_by_default = True


class Disconnected(Transient):
    """The connection broke before or inside the response; the provider may have worked and billed."""

    code = "disconnected"
    may_have_cost_by_default = True


class IncompleteStream(Transient):
    """The bytes ended without the provider's end mark and finish reason: a cut, not a short answer."""

    code = "incomplete_stream"
    may_have_cost_by_default = True


class MalformedStream(Transient):
    """The response does not follow its own format; what it cost is not known."""

    code = "malformed_stream"
    may_have_cost_by_default = True


class RateLimited(Transient):
    """The provider asks to slow down."""

    code = "rate_limited"


class Overloaded(Transient):
    """The provider has no capacity at present."""

    code = "overloaded"


class ServerFault(Transient):
    """The provider failed by its own fault (5xx, or an error object inside a stream)."""

    code = "server_fault"


class CredentialFault(ProviderError):
    """This credential gets no answer until a person acts; other requests would fare the same."""

    code = "credential_fault"


class CredentialRefused(CredentialFault):
    """Unauthorised or forbidden."""

    code = "credential_refused"


class QuotaExhausted(CredentialFault):
    """A quota, credit or spend limit of the account is used up."""

    code = "quota_exhausted"


class RequestFault(ProviderError):
    """The same request will get the same answer: final."""

    code = "request_fault"


class BadRequest(RequestFault):
    """The provider refused the request's form or content."""

    code = "bad_request"


class ContextTooLong(RequestFault):
    """Prompt and answer do not fit into the model's context."""

    code = "context_too_long"


class ContentPolicy(RequestFault):
    """Refused by the provider's content rules."""

    code = "content_policy"
