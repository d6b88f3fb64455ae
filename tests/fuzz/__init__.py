"""Coverage-guided fuzzing of all that reads a provider's bytes."""
