"""Settings of the control topics: which tenant each is for, and which do not go together."""

from typing import Any

import pytest
from pydantic import ValidationError

from streamproc.settings.settings import Settings


def source(topic: str, **fields: Any) -> dict[str, Any]:
    """A source."""
    return {"topic": topic, **fields}


def test_a_tenant_has_one_control_topic_for_all_its_sources() -> None:
    """Beside the one that is for everybody."""
    pinned = [source(topic, tenant="t", control="c") for topic in "ab"]
    settings = Settings.model_validate({"sources": [source("open"), *pinned, source("shared", tenant="u")]})
    assert settings.control_topics() == {"c": "t", "llm.control": None}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"topics": {"control": "llm.requests"}}, "every control topic needs a name of its own"),
        ({"topics": {"control": "llm.dead"}}, "every control topic needs a name of its own"),
        ({"sources": [source("a", control="c")]}, "a source with a pinned tenant"),
        ({"sources": [source("a", tenant="t", control="a")]}, "every control topic needs a name of its own"),
        ({"sources": [source("a", tenant="t", control="llm.control")]}, "one tenant or topics.control"),
        ({"sources": [source(name, tenant=name, control="c") for name in "ab"]}, "one tenant or topics.control"),
    ],
)
def test_control_topics_that_do_not_go_together_are_refused(values: Any, words: str) -> None:
    """Whoever may write to one of two tenants' topics could cancel for the other."""
    with pytest.raises(ValidationError, match=words):
        Settings.model_validate(values)
