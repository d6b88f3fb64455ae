"""Real servers for tests and benchmarks: each one starts on its own ports and never outlives the run."""
