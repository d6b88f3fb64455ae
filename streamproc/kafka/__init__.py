"""The only place that knows Kafka: consuming, committing, publishing."""
