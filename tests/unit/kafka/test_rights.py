"""Rights that are missing, by what Kafka says is allowed."""

from streamproc.kafka.rights import find_missing_rights, needed_rights
from streamproc.settings.budgets import BudgetSettings
from streamproc.settings.settings import Settings

READ, WRITE, DESCRIBE = 1 << 3, 1 << 4, 1 << 8
NEEDED = {"Read": ["in", "both"], "Write": ["both", "out"]}


def test_all_that_is_missing_is_told_at_once() -> None:
    """By right, each with its topics."""
    assert find_missing_rights(NEEDED, {"in": READ, "both": READ | WRITE | DESCRIBE, "out": WRITE}) == []
    assert find_missing_rights(NEEDED, {"in": DESCRIBE, "both": 0, "out": READ}) == [
        "Read of in, both",
        "Write of both, out",
    ]


def test_what_is_not_known_is_not_missing() -> None:
    """A topic that is not there, or a broker that does not tell."""
    assert find_missing_rights(NEEDED, {"in": None, "both": READ}) == ["Write of both"]


def test_budgets_need_rights_of_their_own() -> None:
    """Where there are none the topic of words need not even be there, and alerts of breakers are only written."""
    without, with_budgets = Settings(), Settings(budgets=BudgetSettings(enabled=True))
    admin, alerts = without.topics.admin, without.topics.alerts
    less, more = needed_rights(without), needed_rights(with_budgets)
    assert not {admin, alerts} & set(less["Read"])
    assert admin not in less["Write"]
    assert alerts in less["Write"]
    assert {admin, alerts} <= set(more["Read"])
    assert alerts in more["Write"]
