"""A worker on real Kafka and a real HTTP provider, seen from outside: records go in, records come out."""
