"""Settings of a test's worker: topics and group under the test's own prefix, short waits, one mock provider."""

from typing import Any

from streamproc.settings.settings import Settings

__all__ = ["GROUP", "PARTITIONS", "PRICE", "make_settings"]

PARTITIONS = 4
GROUP = "group"
PRICE = {"input_usd": 1.0, "output_usd": 2.0}
"""In dollars per million tokens: 1,000 nano-dollars an input token, 2,000 an output token."""


def make_settings(
    bootstrap: str, prefix: str, base_url: str, models: tuple[str, ...], /, **changes: dict[str, Any]
) -> Settings:
    """`changes` replace single fields of the groups they name; `provider` means the mock provider's.

    `others` are more names for the same server, each with fields of its own over those of the provider.
    """
    others = changes.pop("others", {})
    provider = {
        "base_url": base_url,
        "models": models,
        "prices": dict.fromkeys(models, PRICE),
        **changes.pop("provider", {}),
    }
    groups: dict[str, Any] = {
        # Most tests send before a worker is there.
        "kafka": {
            "bootstrap_servers": bootstrap,
            "group": f"{prefix}.{GROUP}",
            "start_without_offset": "earliest",
            # A member learns by its heartbeat that another one joins.
            "heartbeat_interval_seconds": 0.2,
        },
        "topics": {
            role: f"{prefix}.{role}"
            for role in ("chunks", "results", "usage", "dead", "journal", "deferred", "control", "admin", "alerts")
        }
        | {"partitions": PARTITIONS},
        "retry": {"base_seconds": 0.01, "cap_seconds": 0.05, "wait_base_seconds": 0.05, "wait_cap_seconds": 0.2},
        "observe": {"metrics_enabled": False, "log_level": "info"},
    }
    for group, fields in changes.items():
        groups[group] = groups.get(group, {}) | fields
    sources = groups.pop("sources", {f"{prefix}.requests": None})
    controls = groups.pop("controls", {})
    return Settings(
        sources=tuple(
            {"topic": topic, "tenant": tenant, "control": controls.get(topic)} for topic, tenant in sources.items()
        ),
        providers={"mock": provider, **{name: provider | fields for name, fields in others.items()}},
        **groups,
    )
