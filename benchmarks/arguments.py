"""What both loops are told on their command line, and the fetch settings they share, for a fair comparison."""

import argparse
from dataclasses import dataclass

__all__ = ["FETCH", "Arguments", "loop_arguments"]

FETCH = {"fetch_max_bytes": 8 * 2**20, "max_partition_fetch_bytes": 2**20, "fetch_max_wait_ms": 500}


@dataclass(frozen=True, slots=True)
class Arguments:
    """Where the requests come from, where the records go, and how many calls may run at once."""

    bootstrap: str
    group: str
    requests: str
    chunks: str
    results: str
    base_url: str
    in_flight: int


def loop_arguments(description: str) -> Arguments:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", default="localhost:9092")
    parser.add_argument("--group", default="bench")
    parser.add_argument("--requests", default="llm.requests")
    parser.add_argument("--chunks", default="llm.chunks")
    parser.add_argument("--results", default="llm.results")
    parser.add_argument("--base-url", default="http://127.0.0.1:8080/v1")
    parser.add_argument("--in-flight", type=int, default=500)
    return Arguments(**vars(parser.parse_args()))
