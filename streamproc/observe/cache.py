"""The cache, as metrics and logs tell of it."""

from collections.abc import Callable, Mapping
from typing import Any

from streamproc.observe.cache_events import AnswerStored, CacheLooked, StoreTrouble
from streamproc.observe.labels import BoundedLabel
from streamproc.observe.tallies import Counts

__all__ = ["CacheCounts", "cached_fields"]

_NANOS_PER_DOLLAR = 1_000_000_000


class CacheCounts:
    """What the cache was asked, had, took and could not do. Labels are bounded by those of the other metrics."""

    def __init__(self, counter: Callable[..., Counts], models: BoundedLabel, tenants: BoundedLabel) -> None:
        """`counter` makes one from its name, its meaning and the names of its labels."""
        self._models = models
        self._tenants = tenants
        self._lookups = counter(
            "llm_cache_lookups_total",
            "Questions to the cache, by where the answer was.",
            "provider",
            "model",
            "outcome",
        )
        self._saved = counter(
            "llm_cache_saved_dollars_total",
            "What answers from the cache would have cost, US dollars.",
            "provider",
            "model",
            "tenant",
        )
        self._stored = counter("llm_cache_stored_total", "Answers that went to the stores.").at(())
        self._stored_bytes = counter("llm_cache_stored_bytes_total", "Bytes of them.").at(())
        self._errors = counter("streamproc_cache_errors_total", "What a store did not give or take.", "operation")

    def saw(self, happening: CacheLooked | AnswerStored | StoreTrouble) -> None:
        """Counts it."""
        match happening:
            case CacheLooked():
                place = (happening.provider, self._models.label(happening.model))
                self._lookups.add((*place, happening.outcome))
                saved = None if happening.line is None else happening.line.saved
                if saved is not None and saved.nanos is not None:
                    self._saved.add((*place, self._tenants.label(happening.tenant)), saved.nanos / _NANOS_PER_DOLLAR)
            case AnswerStored():
                self._stored.value += 1.0
                self._stored_bytes.value += happening.size_bytes
            case StoreTrouble():
                self._errors.add((happening.operation,))


def cached_fields(looked: CacheLooked) -> Mapping[str, Any]:
    """What the log says of an answer that came from the cache."""
    saved = None if looked.line is None else looked.line.saved
    return {
        "run": looked.run_id,
        "tenant": looked.tenant,
        "provider": looked.provider,
        "model": looked.model,
        "input_hash": looked.input_hash,
        "outcome": looked.outcome,
        "saved_nanos": None if saved is None else saved.nanos,
    }
