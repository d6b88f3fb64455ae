"""Unclean election: a replica that lags becomes leader, and records that were stored are gone."""

from collections.abc import Mapping

__all__ = ["UNCLEAN", "find_unclean_topics"]

UNCLEAN = "unclean.leader.election.enable"
"""Name of the setting of a topic."""


def find_unclean_topics(configs: Mapping[str, Mapping[str, str]]) -> list[str]:
    """One sentence for each topic that allows it; `configs` are settings by topic, as far as they are known.

    Results, bills and offsets are stored together, and would vanish one without the other.
    """
    return [
        f"topic {name} may lose records that are stored ({UNCLEAN} is true): set it to false"
        for name, config in configs.items()
        if config.get(UNCLEAN) == "true"
    ]
