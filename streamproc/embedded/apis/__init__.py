"""One file per API of the Kafka protocol; `served` has them all."""
