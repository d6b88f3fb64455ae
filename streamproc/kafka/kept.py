"""How long topics keep their records, beside how long a run may need them."""

from collections.abc import Iterable, Mapping

from streamproc.settings.worker import WorkerSettings

__all__ = [
    "CLEANUP",
    "RETENTION",
    "RETENTION_BYTES",
    "find_brief_topics",
    "find_compacted_topics",
    "find_forgetful_usage",
    "longest_run_ms",
]

CLEANUP = "cleanup.policy"
RETENTION = "retention.ms"
RETENTION_BYTES = "retention.bytes"
"""Names of settings of a topic."""


_MONTH_MS = 33 * 86_400_000
"""A month, and what clocks may differ by: so far back budgets are built from the usage topic."""


def find_forgetful_usage(configs: Mapping[str, Mapping[str, str]], usage: str) -> list[str]:
    """A sentence for each way in which the usage topic drops lines of the month.

    Budgets would not know of them, and could be passed.
    """
    known, found = configs.get(usage, {}), []
    kept_ms, kept_bytes = int(known.get(RETENTION, -1)), int(known.get(RETENTION_BYTES, -1))
    if 0 <= kept_ms < _MONTH_MS:
        days = f"{kept_ms / 86_400_000:g} days ({RETENTION})"
        found.append(f"keeps records for {days}, and budgets count the lines of a month: set it to {_MONTH_MS} or more")
    if kept_bytes >= 0:
        # How long a month's lines are nobody knows before it is over.
        least = f"{kept_bytes} bytes of a partition for sure ({RETENTION_BYTES})"
        found.append(f"keeps {least}, and budgets count the lines of a month: set it to -1, which is without a bound")
    return [f"topic {usage} {problem}" for problem in found]


def find_compacted_topics(configs: Mapping[str, Mapping[str, str]]) -> list[str]:
    """One sentence for each topic that keeps the last record of a key only; `configs` as far as they are known.

    Keys repeat on all of ours: parts of a result, lines of one bill and notes about one run have the same.
    """
    return [
        f"topic {name} loses records whose key comes again ({CLEANUP} is {policy}): set it to delete"
        for name, config in configs.items()
        if "compact" in (policy := config.get(CLEANUP, ""))
    ]


def longest_run_ms(worker: WorkerSettings) -> int:
    """How long a run may last after it was read: to its own deadline, or to the default one after a late start."""
    late = worker.max_not_before_seconds + worker.default_deadline_seconds
    return int(max(worker.max_deadline_seconds, late) * 1000)


def find_brief_topics(configs: Mapping[str, Mapping[str, str]], names: Iterable[str], needed_ms: int) -> list[str]:
    """One sentence for each of these topics that drops what a run may still need; `configs` as far as they are known.

    Without its note a lost call is on no bill, without its line in the usage topic it is billed once more, and a
    deferred run that is gone has no result.
    """
    kept = {name: int(configs.get(name, {}).get(RETENTION, -1)) for name in names}
    return [
        f"topic {name} keeps records for {kept_ms / 1000:g} s ({RETENTION}), but a run may last {needed_ms / 1000:g} s:"
        " raise it, or lower worker.max_deadline_seconds and worker.max_not_before_seconds"
        for name, kept_ms in kept.items()
        if 0 <= kept_ms < needed_ms
    ]
