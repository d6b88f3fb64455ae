"""Settings of topics by Kafka's names."""

import pytest

from streamproc.embedded.topic_settings import DEFAULTS, SettingRefused, TopicSettings


def test_defaults_are_kafkas() -> None:
    """Those that the broker obeys, at least."""
    settings = TopicSettings()
    assert (settings.max_message_bytes, settings.retention_bytes) == (1_048_588, -1)
    assert (settings.is_append_time, settings.is_compacted) == (False, False)
    assert DEFAULTS["retention.ms"] == str(7 * 24 * 3_600 * 1_000)


def test_each_default_is_a_value_that_may_be_given() -> None:
    """A rule that refuses its own default would be wrong."""
    assert TopicSettings(dict(DEFAULTS)).given == DEFAULTS


def test_a_value_of_the_topic_goes_before_that_of_the_broker() -> None:
    """The broker has one for the bytes of a partition."""
    assert TopicSettings({}, 500).value("retention.bytes") == "500"
    assert TopicSettings({"retention.bytes": "900"}, 500).retention_bytes == 900


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max.message.bytes", "-1"),
        ("max.message.bytes", "1_000"),
        ("max.message.bytes", str(2**31)),
        ("max.message.bytes", "1" * 10_000),
        ("retention.ms", "-2"),
        ("retention.ms", "soon"),
        ("cleanup.policy", "keep"),
        ("message.timestamp.type", "createtime"),
        ("min.insync.replicas", "0"),
        ("min.cleanable.dirty.ratio", "nan"),
        ("unclean.leader.election.enable", "maybe"),
        ("compression.type", "bzip2"),
        ("no.such.setting", "1"),
    ],
)
def test_a_wrong_name_or_value_is_refused(name: str, value: str) -> None:
    """The message names the setting."""
    with pytest.raises(SettingRefused, match=name):
        TopicSettings({name: value})
