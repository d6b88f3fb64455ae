"""The picture of an outage, from what `python -m benchmarks.outage --timeline FILE` wrote.

    python -m benchmarks.timeline FILE

One column is a second. It is text, so a page can show it and a change of it can be read.
"""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["picture"]

_MARKS = " ▁▂▃▄▅▆▇█"


def picture(told: Mapping[str, Any]) -> str:
    """Four lines: requests, the outage, calls and results. The highest mark is twice the rate of requests, and more."""
    outage, seconds = told["outage"], told["seconds"]
    each, sent = outage["rate"] / 4, outage["before"] + outage["seconds"] + outage["after"]

    def mark(count: float) -> str:
        return _MARKS[min(8, math.ceil(count / each))]

    lines = {
        "requests": "".join(mark(outage["rate"] * (one["second"] < sent)) for one in seconds),
        "provider": "".join(".x"[told["begun"] <= one["second"] + 0.5 < told["ended"]] for one in seconds),
        "calls": "".join(mark(one["calls"]) for one in seconds),
        "results": "".join(mark(one["results"]) for one in seconds),
    }
    return "\n".join(f"{name:8} {line}".rstrip() for name, line in lines.items())


def main() -> None:
    """Prints the picture of a file."""
    print(picture(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
