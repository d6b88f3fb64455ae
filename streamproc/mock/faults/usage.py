"""Faults in what an answer tells of itself: its usage and its finish reason."""

from collections.abc import Callable
from dataclasses import replace

from streamproc.mock.answer import Answer, UsageForm
from streamproc.mock.faults.fault import Altering, Fault

__all__ = ["TOLD_WRONGLY"]


def _usage(form: UsageForm) -> Callable[[Answer], Answer]:
    def alter(answer: Answer) -> Answer:
        # A usage that was not asked for cannot be wrong.
        return answer if answer.usage_form == "missing" else replace(answer, usage_form=form)

    return alter


def _no_finish(answer: Answer) -> Answer:
    return replace(answer, finish_reason=None)


TOLD_WRONGLY: tuple[Fault, ...] = (
    Altering(name="nousage", sentence="the usage is missing, although it was asked for", alter=_usage("missing")),
    Altering(name="nullusage", sentence="the usage is null", alter=_usage("null")),
    Altering(
        name="oddusage", sentence="the usage has strings, fractions, negative numbers and lists", alter=_usage("odd")
    ),
    Altering(
        name="nofinish", sentence="the end mark comes, but no finish reason before it", scope="text", alter=_no_finish
    ),
)
