"""A small Kafka broker in memory, for trying and testing: one process, one node, nothing on disk, no replicas.

It speaks Kafka's protocol over TCP and knows nothing of the rest of streamproc. Start with `broker.Broker`, or with
`python -m streamproc.embedded`; what is served stands in `apis`.
"""
