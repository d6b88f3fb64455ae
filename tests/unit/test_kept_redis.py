"""What workers with a ledger in Redis have to agree on: that it is one Redis."""
