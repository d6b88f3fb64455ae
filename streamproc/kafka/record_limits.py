"""How large a batch the output topics take, beside how large the ones are that we write."""

from collections.abc import Mapping

from streamproc.kafka.producer import MAX_BATCH_BYTES

__all__ = ["MAX_MESSAGE_BYTES", "find_small_topics"]

MAX_MESSAGE_BYTES = "max.message.bytes"
"""Name of the setting of a topic."""


def find_small_topics(configs: Mapping[str, Mapping[str, str]], max_record_bytes: int) -> list[str]:
    """One sentence for each topic that would refuse what we write; `configs` are settings by topic, as far as known.

    A refused batch would break the transaction of its runs again and again.
    """
    needed, words, way_out = (
        (max_record_bytes, "limits.max_record_bytes is", "raise it, or lower limits.max_record_bytes")
        if max_record_bytes > MAX_BATCH_BYTES
        else (MAX_BATCH_BYTES, "small records are sent in batches of up to", "raise it")
    )
    return [
        f"topic {name} takes at most {limit} bytes at once ({MAX_MESSAGE_BYTES}), but {words} {needed}: {way_out}"
        for name, config in configs.items()
        if (limit := config.get(MAX_MESSAGE_BYTES)) is not None and int(limit) < needed
    ]
