"""The fate table of `streamproc/errors.py`, cell by cell: a run with each outcome goes through the real chain.

What Kafka makes of it, a dead letter and a lost partition for example, stands in `tests/contract/test_fates*.py`.
"""

import re
from dataclasses import replace
from typing import Any

import pytest

import streamproc.errors
from streamproc.chain.provider import Completed, Text
from streamproc.errors import (
    BadRequest,
    ConnectFailed,
    ContentPolicy,
    ContextTooLong,
    CredentialRefused,
    Disconnected,
    IncompleteStream,
    MalformedStream,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerFault,
    TimedOut,
    Transient,
)
from streamproc.providers.scripted import Pause, Step
from streamproc.records.usage import TokenCounts
from tests.unit.fate_rig import Fate, Rig
from tests.unit.pages import ROOT

ANSWER: tuple[Step, ...] = (Text("yes"), Completed(TokenCounts(input=1, output=1), "stop"))
HANGS: tuple[Step, ...] = (Pause(60.0),)
BILLED = Fate("", breaker="failure", status="failed", usage=1)
WAITS = Fate("", breaker="nothing", status=None)


def transient(kind: type[Transient]) -> Fate:
    """A fault before the first token: three tries; those that may have been billed are, at the deadline."""
    error = kind("x", provider="p")
    owed = 3 * error.may_have_cost
    return replace(
        WAITS, row="Transient, before the first token", steps=(error,), calls=3, falls_back=True,
        breaker="failure", expired_usage=owed,
    )  # fmt: skip


def spare(steps: tuple[Step, ...], **cells: Any) -> Fate:
    """A fault of the provider, or none that is asked, for a request that is content with less."""
    usual = Fate("the last four or RetryBudgetSpent, with `if_unavailable`", steps=steps, is_spare=True, attempts=1)
    return replace(usual, fields={"if_unavailable": "degraded", "model": "only"}, **cells)


FATES = (
    Fate("completed", steps=ANSWER, breaker="success", usage=1, has_token=True),
    Fate("InvalidRequest", fields={"colour": "red"}, calls=0, status="rejected", breaker="nothing", letters=1),
    Fate("BudgetRefused", fields={"max_cost_usd": 0.0}, calls=0, status="rejected", breaker="nothing"),
    replace(WAITS, row="NotNow: a budget is held by others' reservations", holds="others reserved it", calls=0),
    replace(WAITS, row="NotNow: the ledger is away, or being rebuilt", holds="the ledger is away", calls=0),
    Fate("DeadlinePassed", steps=HANGS, cut="deadline", status="expired", breaker="nothing", usage=1),
    Fate("Cancelled", steps=HANGS, cut="cancel", status="cancelled", breaker="nothing", usage=1),
    Fate("RequestFault", steps=(BadRequest("x", provider="p"),), status="failed", breaker="success"),
    Fate("RequestFault", steps=(ContentPolicy("x", provider="p"),), status="failed", breaker="success"),
    Fate("RequestFault", steps=(BadRequest("x", provider="p", may_have_cost=True),), status="failed", breaker="success", usage=1),
    Fate(
        "ContextTooLong, on a route", steps=(ContextTooLong("x", provider="p"),), status="failed", falls_back=True,
        breaker="success",
    ),
    replace(
        WAITS, row="CredentialFault", steps=(CredentialRefused("x", provider="p", status_code=401),), falls_back=True,
        breaker="opens",
    ),
    replace(
        WAITS, row="CredentialFault", steps=(QuotaExhausted("x", provider="p", status_code=429),), falls_back=True,
        breaker="opens",
    ),
    *map(transient, (ConnectFailed, RateLimited, Overloaded, ServerFault)),
    *map(transient, (TimedOut, Disconnected, IncompleteStream, MalformedStream)),
    replace(
        WAITS, row="Transient, after the first token", steps=(Text("y"), Disconnected("x", provider="p")), calls=3,
        falls_back=True, breaker="failure", has_token=True, expired_usage=3, attempts=3,
    ),
    replace(WAITS, row="no credential takes a call: breaker, limits", is_held=True, calls=0, falls_back=True),
    spare((CredentialRefused("x", provider="p", status_code=401),), breaker="opens"),
    spare((ServerFault("x", provider="p"),), calls=3, breaker="failure"),
    spare((Text("y"), Disconnected("x", provider="p")), calls=3, breaker="failure", usage=3, has_token=True, attempts=4),
    spare(ANSWER, calls=0, is_held=True),
    spare((TimedOut("x", provider="p"),), breaker="failure", usage=1, retry={"max_lost_attempts": 0}),
    replace(
        BILLED, row="RetryBudgetSpent", steps=(TimedOut("x", provider="p"),), retry={"max_lost_attempts": 0},
    ),
    replace(
        BILLED, row="AnswerCut", steps=(Text("y"), Disconnected("x", provider="p")), retry={"restarts": False},
        has_token=True,
    ),
    replace(BILLED, row="AnswerTooLong", steps=(Text("y"), Text("y" * 2000), *ANSWER), breaker="nothing", has_token=True),
    replace(
        WAITS, row="PublishFailed, partition lost, drain", steps=HANGS, cut="drain", usage=1, expired_usage=1,
    ),
)  # fmt: skip

each_fate = pytest.mark.parametrize("fate", FATES, ids=lambda fate: f"{fate.row} {fate.steps[:1]}")


def rows_of(text: str) -> list[str]:
    """The rows of the fate table in a text."""
    _, _, rest = text.partition("| outcome | retried | falls back | breaker | published | committed |\n")
    return re.findall(r"^\| .* \|$", rest.partition("\n\n")[0], re.MULTILINE)


def test_the_table_the_page_and_the_fates_here_have_the_same_rows() -> None:
    """A row without a test would promise what nobody checks."""
    rows = rows_of(streamproc.errors.__doc__ or "")
    assert rows == rows_of((ROOT / "docs" / "resilience.md").read_text(encoding="utf-8"))
    assert list(dict.fromkeys(fate.row for fate in FATES)) == [row[2:].partition(" | ")[0] for row in rows]


@each_fate
async def test_what_is_tried_again_published_and_committed(fate: Fate) -> None:
    """Columns two, five and six. A run that ends is committed with its records; one that waits leaves none.

    At its deadline it leaves a result, and a bill for the calls that may have been billed.
    """
    rig = Rig(fate)
    ended = await rig.live("p/m")
    assert rig.p.started == fate.calls
    assert (ended.is_committed, ended.status) == (fate.status is not None, fate.status)
    assert (ended.usage, ended.letters) == (fate.usage, fate.letters)
    assert len(ended.attempts) == (fate.attempts if fate.attempts is not None else int(fate.has_token))
    assert ended.is_degraded is fate.is_spare
    if fate.status is None:
        assert rig.expired() == ("expired", fate.expired_usage)


@each_fate
async def test_what_falls_back(fate: Fate) -> None:
    """Column three, on a route of two models: the second one answers, or is not asked."""
    rig = Rig(fate)
    ended = await rig.live("r")
    assert rig.q.started == int(fate.falls_back)
    if fate.falls_back:
        assert (ended.status, ended.is_degraded, ended.is_committed) == ("completed", True, True)
    else:
        assert ended.status == fate.status


@each_fate
async def test_what_the_breaker_makes_of_it(fate: Fate) -> None:
    """Column four: one failure opens a breaker of one call, and a probe shows whether it counts at all."""
    usual, strict, probed = Rig(fate), Rig(fate, min_calls=1), Rig(fate)
    if fate.is_held:
        await usual.live("p/m")
        assert usual.breaker == "open"
        return
    if not fate.has_token:  # the first token ends a probe, whatever follows
        probed.become_probing()
        await probed.live("p/m")
        states = {"success": "closed", "failure": "open", "opens": "open", "nothing": "probing"}
        assert probed.breaker == states[fate.breaker]
    for rig in (usual, strict):
        await rig.live("p/m")
    opens = {"success": 0, "nothing": 0, "failure": 1, "opens": 2}[fate.breaker]
    assert [rig.breaker == "open" for rig in (strict, usual)] == [opens >= 1, opens == 2]
