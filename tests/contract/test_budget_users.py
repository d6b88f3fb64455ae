"""The first cap on users has everything counted anew: no line is forgotten meanwhile."""

import time

from streamproc.kafka.operator import speak
from streamproc.observe.events import BudgetsChanged
from streamproc.records.admin import SetCap, key_of
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged
from tests.contract.harness.waiting import eventually, eventually_found
from tests.contract.test_budget import MODEL, budgets, priced
from tests.contract.test_budget_unreadable import publish

NANOS = 1000
CAPPED = SetCap(kind="set", scope="user=*", window="day", unit="nanos", amount=10**9)


async def test_the_first_cap_on_users_forgets_nothing_that_was_spent(bootstrap: str, topic_prefix: str) -> None:
    """A poll was under way when the cap came. Its lines once stood for all that was spent before them."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=budgets(1.0)) as stage,
        running_member(stage.settings) as member,
    ):
        await eventually(lambda: member.worker.readiness() is None, member.worker.readiness)
        heard, count = len(member.all(BudgetsChanged)), 0
        await speak(stage.settings, key_of(CAPPED), CAPPED, time.time())
        while len(member.all(BudgetsChanged)) == heard:
            await publish(stage, 1, call=count, user="bob", cost_nanos=NANOS)
            count += 1
        await publish(stage, 1, call=count, user="bob", cost_nanos=NANOS)
        ledger = member.worker._budgets.ledger
        assert ledger is not None

        async def all_is_known() -> bool:
            spent = {standing.account.scope.kind: standing.settled for standing in await ledger.standings()}
            return spent == dict.fromkeys(("tenant", "user"), (count + 1) * NANOS)

        await eventually_found(all_is_known)
