"""Topics: what is missing or too narrow, in sentences; and the pause between commits."""

import pytest

from streamproc.kafka.kept import find_brief_topics, find_compacted_topics, find_forgetful_usage, longest_run_ms
from streamproc.kafka.topics import TopicPlan, find_problems, plan_topics
from streamproc.settings.settings import Settings

PLAN = (
    TopicPlan("in", 4, None, is_output=False, is_source=True),
    TopicPlan("in.wide", 4, None, is_output=False, is_source=True),
    TopicPlan("told", 1, None, is_output=False),
    TopicPlan("out", 4, None, is_output=True),
    TopicPlan("dead", 4, None, is_output=True),
)


def test_topics_that_fit_are_no_problem() -> None:
    """Outputs may be wider than the widest request topic."""
    assert find_problems(PLAN, {"in": 1, "in.wide": 6, "told": 1, "out": 6, "dead": 12, "another": 1}) == []


def test_missing_topics_are_named_in_one_sentence() -> None:
    """With the command that creates them."""
    (sentence,) = find_problems(PLAN, {"in": 4, "told": 9, "dead": 4})
    assert "missing topics: in.wide, out;" in sentence
    assert "streamproc topics create" in sentence


def test_an_output_narrower_than_a_request_topic_is_named() -> None:
    """Compared with the widest of them; the sentence says what to do."""
    problems = find_problems(PLAN, {"in": 4, "in.wide": 6, "told": 9, "out": 5, "dead": 6})
    assert problems == ["topic out has 5 partitions, but in.wide has 6: raise out to at least 6 partitions"]


def test_what_is_missing_is_not_called_narrow_too() -> None:
    """One problem, one sentence; without a request topic nothing can be compared."""
    assert len(find_problems(PLAN, {"in": 4, "in.wide": 4, "told": 9, "out": 3})) == 2
    assert len(find_problems(PLAN, {"out": 1, "dead": 1})) == 1
    assert len(find_problems(PLAN, {})) == 1


def test_every_topic_of_the_settings_is_planned() -> None:
    """Sources and outputs, each once, as wide as the settings say; control topics with one partition."""
    sources = [{"topic": "a"}, *({"topic": name, "tenant": "t", "control": "t.control"} for name in "bc")]
    settings = Settings.model_validate({"sources": sources, "topics": {"partitions": 7}})
    plan = plan_topics(settings)
    assert [topic.name for topic in plan if topic.is_source] == ["a", "b", "c", "llm.deferred"]
    assert {topic.name for topic in plan if topic.is_output} == set(settings.topics.outputs())
    assert {topic.partitions for topic in plan if topic.is_source or topic.is_output} == {7}
    others = [topic for topic in plan if not topic.is_source and not topic.is_output]
    assert {(topic.name, topic.partitions) for topic in others} == {
        ("llm.control", 1),
        ("t.control", 1),
        ("llm.alerts", 1),
    }
    assert len({topic.name for topic in plan}) == len(plan)


def test_a_compacted_topic_is_named() -> None:
    """One that also deletes, too; nothing is said where nothing is known."""
    configs = {"a": {"cleanup.policy": "delete"}, "b": {"cleanup.policy": "compact,delete"}, "c": {}}
    (sentence,) = find_compacted_topics(configs)
    assert sentence.startswith("topic b loses records whose key comes again (cleanup.policy is compact,delete)")


def test_a_topic_that_forgets_before_a_run_ends_is_named() -> None:
    """A journal of an hour lost the notes of runs with a deadline of a day: their lost calls were on no bill."""
    configs = {name: {"retention.ms": kept} for name, kept in {"a": "1800000", "b": "3600000", "c": "-1"}.items()}
    (sentence,) = find_brief_topics(configs, "abcd", 3_600_000)
    assert sentence.startswith("topic a keeps records for 1800 s (retention.ms), but a run may last 3600 s")
    assert find_brief_topics(configs, "bc", 3_600_000) == []


@pytest.mark.parametrize(("deadline", "seconds"), [(86_400, 86_400), (60, 4200), (2_592_000, 2_592_000)])
def test_topics_are_made_to_keep_what_a_run_may_need(deadline: int, seconds: int) -> None:
    """As long as is documented at least; so what `topics create` has made is never refused."""
    settings = Settings.model_validate({"worker": {"max_deadline_seconds": deadline}})
    assert longest_run_ms(settings.worker) == seconds * 1000
    kept = {topic.name: topic.retention_ms or 0 for topic in plan_topics(settings)}
    assert kept["llm.journal"] == kept["llm.deferred"] == max(7 * 86_400, seconds) * 1000
    assert kept["llm.usage"] == 400 * 86_400_000


def test_a_usage_topic_that_forgets_within_the_month_is_told() -> None:
    """Kafka's own default is a week: budgets built from it gave out money that was spent before, and nobody was told."""
    (sentence,) = find_forgetful_usage({"usage": {"retention.ms": "604800000"}}, "usage")
    assert sentence == (
        "topic usage keeps records for 7 days (retention.ms), and budgets count the lines of a month:"
        " set it to 2851200000 or more"
    )
    for kept in ("2851200000", "-1"):
        assert find_forgetful_usage({"usage": {"retention.ms": kept, "retention.bytes": "-1"}}, "usage") == []
    assert find_forgetful_usage({}, "usage") == []


def test_a_usage_topic_that_forgets_by_its_size_is_told() -> None:
    """A busy month is larger than a quiet one: what it drops would be spent once more."""
    settings = {"usage": {"retention.ms": "604800000", "retention.bytes": "1073741824"}}
    _, sentence = find_forgetful_usage(settings, "usage")
    assert sentence == (
        "topic usage keeps 1073741824 bytes of a partition for sure (retention.bytes), and budgets count the lines of a"
        " month: set it to -1, which is without a bound"
    )
