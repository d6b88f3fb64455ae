"""From the settings to the processor of a worker."""

import random

from streamproc.chain.clock import Clock
from streamproc.chain.outcome import Outcome
from streamproc.chain.rules import schedule_rules, wait_rules
from streamproc.chains import Chains
from streamproc.kafka.publisher import Publisher
from streamproc.observe.events import Observer
from streamproc.processor import Processor, RunRules
from streamproc.records.codec import RequestDecoder
from streamproc.settings.settings import Settings

__all__ = ["processor_of"]


def processor_of(
    settings: Settings, chains: Chains, publisher: Publisher, clock: Clock, observer: Observer
) -> Processor:
    """The processor that goes by these settings."""
    worker, limits = settings.worker, settings.limits
    return Processor(
        RequestDecoder(
            max_bytes=limits.max_request_bytes,
            max_messages=limits.max_messages,
            max_output_tokens=limits.max_output_tokens,
        ),
        chains.leave,
        publisher,
        Outcome(limits.max_record_bytes, clock),
        RunRules(
            schedule=schedule_rules(worker),
            default_output_tokens=limits.default_output_tokens,
            max_answer_characters=limits.max_answer_characters,
            max_crashes=worker.max_crashes,
            waits=wait_rules(settings.retry),
        ),
        clock,
        random.random,
        observer,
    )
