"""What happens inside, told to logs, metrics and health checks."""
