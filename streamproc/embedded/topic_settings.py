"""Settings of a topic, by Kafka's names (https://kafka.apache.org/documentation/#topicconfigs)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["DEFAULTS", "SettingRefused", "TopicSettings"]


class SettingRefused(ValueError):
    """A setting has no such name or no such value; the message says which."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """Value a setting has when none is given, and what a given one must be."""

    default: str
    allows: Callable[[str], bool]


def _integer(least: int, most: int = 2**63 - 1) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(r"[+-]?[0-9]{1,19}", value.strip()) is not None and least <= int(value) <= most


def _one_of(*names: str) -> Callable[[str], bool]:
    return lambda value: value.strip().lower() in {name.lower() for name in names}


def _some_of(*names: str) -> Callable[[str], bool]:
    return lambda value: all(part.strip() in {"", *names} for part in value.split(","))


def _share(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


def _anything(value: str) -> bool:
    del value
    return True


_INT, _LONG = 2**31 - 1, 2**63 - 1
_BOOLEAN = _one_of("true", "false")

# Of these the broker obeys max.message.bytes, retention.bytes, message.timestamp.* and, as far as records need a key,
# cleanup.policy. It keeps and tells the others.
_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "cleanup.policy": _Rule("delete", _some_of("delete", "compact")),
        "compression.gzip.level": _Rule("-1", _integer(-1, 9)),
        "compression.lz4.level": _Rule("9", _integer(1, 17)),
        "compression.type": _Rule("producer", _one_of("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd")),
        "compression.zstd.level": _Rule("3", _integer(-131_072, 22)),
        "delete.retention.ms": _Rule("86400000", _integer(0)),
        "file.delete.delay.ms": _Rule("60000", _integer(0)),
        "flush.messages": _Rule(str(_LONG), _integer(1)),
        "flush.ms": _Rule(str(_LONG), _integer(0)),
        "follower.replication.throttled.replicas": _Rule("", _anything),
        "index.interval.bytes": _Rule("4096", _integer(0, _INT)),
        "leader.replication.throttled.replicas": _Rule("", _anything),
        "local.retention.bytes": _Rule("-2", _integer(-2)),
        "local.retention.ms": _Rule("-2", _integer(-2)),
        "max.compaction.lag.ms": _Rule(str(_LONG), _integer(1)),
        "max.message.bytes": _Rule("1048588", _integer(0, _INT)),
        "message.timestamp.after.max.ms": _Rule("3600000", _integer(0)),
        "message.timestamp.before.max.ms": _Rule(str(_LONG), _integer(0)),
        "message.timestamp.type": _Rule("CreateTime", lambda value: value in {"CreateTime", "LogAppendTime"}),
        "min.cleanable.dirty.ratio": _Rule("0.5", _share),
        "min.compaction.lag.ms": _Rule("0", _integer(0)),
        "min.insync.replicas": _Rule("1", _integer(1, _INT)),
        "preallocate": _Rule("false", _BOOLEAN),
        "remote.log.copy.disable": _Rule("false", _BOOLEAN),
        "remote.log.delete.on.disable": _Rule("false", _BOOLEAN),
        "remote.storage.enable": _Rule("false", _BOOLEAN),
        "retention.bytes": _Rule("-1", _integer(-(2**63))),
        "retention.ms": _Rule("604800000", _integer(-1)),
        "segment.bytes": _Rule("1073741824", _integer(1_048_576, _INT)),
        "segment.index.bytes": _Rule("10485760", _integer(4, _INT)),
        "segment.jitter.ms": _Rule("0", _integer(0)),
        "segment.ms": _Rule("604800000", _integer(1)),
        "unclean.leader.election.enable": _Rule("false", _BOOLEAN),
    }
)

DEFAULTS: Mapping[str, str] = MappingProxyType({name: rule.default for name, rule in _RULES.items()})


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """What was set for a topic; the rest has its default. `default_retention_bytes` is the broker's own.

    Raises:
        SettingRefused: a name or a value is not allowed.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    default_retention_bytes: int = -1
    max_message_bytes: int = field(init=False)
    retention_bytes: int = field(init=False)
    after_max_ms: int = field(init=False)
    before_max_ms: int = field(init=False)
    is_append_time: bool = field(init=False)
    is_compacted: bool = field(init=False)

    def __post_init__(self) -> None:
        for name, value in self.given.items():
            rule = _RULES.get(name)
            if rule is None:
                raise SettingRefused(f"Unknown topic config name: {name}")
            if not rule.allows(value):
                raise SettingRefused(f"Invalid value {value} for configuration {name}")
        for attribute, read in {
            "max_message_bytes": int(self.value("max.message.bytes")),
            "retention_bytes": int(self.value("retention.bytes")),
            "after_max_ms": int(self.value("message.timestamp.after.max.ms")),
            "before_max_ms": int(self.value("message.timestamp.before.max.ms")),
            "is_append_time": self.value("message.timestamp.type") == "LogAppendTime",
            "is_compacted": "compact" in self.value("cleanup.policy"),
        }.items():
            object.__setattr__(self, attribute, read)

    def value(self, name: str) -> str:
        """A setting's value, given or default."""
        if name == "retention.bytes" and name not in self.given:
            return str(self.default_retention_bytes)
        return self.given.get(name, DEFAULTS[name])
