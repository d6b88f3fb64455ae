"""streamproc: LLM calls as one more Kafka stream, with a bill that can be trusted."""

__version__ = "0.1.0"
__all__ = ["__version__"]
