"""Token counts, prices and bounds, in integers."""
