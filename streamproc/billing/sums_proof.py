"""The proof of the sums: what a bill's lines add up to is held against its tables of sums, row by row. Pure."""

from streamproc.billing.line import HOUR_US
from streamproc.billing.sums import SUMS, Rollup

__all__ = ["wrong_sums_question"]

_OF_A_LINE = {
    "lines": "1",
    "unpriced": "CASE WHEN cost_nanos IS NULL THEN 1 ELSE 0 END",
    "uncounted": "CASE WHEN input_tokens IS NULL OR output_tokens IS NULL THEN 1 ELSE 0 END",
}
"""The sums that count lines; the others add up a column of the same name."""


def wrong_sums_question(rollup: Rollup) -> str:
    """Asks a bill for the tenants of whom a row of sums is not that of its lines.

    From each row of sums its lines are taken away, and nothing may be left of any.
    """
    keys = ", ".join((rollup.time, *rollup.keys))
    sums = ", ".join(SUMS)
    time = f"started_us / {rollup.hours * HOUR_US}"
    of_line = ", ".join([time, *(f"COALESCE({key}, '')" for key in rollup.keys)])
    taken_away = ", ".join(f"-({_OF_A_LINE.get(name, f'COALESCE({name}, 0)')})" for name in SUMS)
    is_left = " OR ".join(f"SUM({name}) <> 0" for name in SUMS)
    return (
        "SELECT DISTINCT tenant FROM"
        f" (SELECT tenant FROM (SELECT {keys}, {sums} FROM {rollup.table}"
        f" UNION ALL SELECT {of_line}, {taken_away} FROM usage_lines) AS compared"
        f" GROUP BY {keys} HAVING {is_left}) AS wrong"
    )
