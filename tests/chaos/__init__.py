"""Chaos: several workers, a stream of requests, and faults from a seed; afterwards everything is counted."""
