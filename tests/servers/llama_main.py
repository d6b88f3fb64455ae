"""The llama.cpp server as a program: `python llama_main.py MODEL PORT SLOTS CONTEXT`; serves until it is ended."""

import signal
import sys

import xllamacpp


def serve(model: str, port: int, slots: int, context: int) -> None:
    """Answers on the loopback address with so many answers at once; the others wait in the server's queue."""
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = slots
    params.n_ctx = context * slots  # the context is divided among the slots
    params.n_batch = params.n_ubatch = 256
    params.n_threads_http = 256  # a connection keeps its thread for the length of its answer
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # the model is too small to share
    params.cache_ram_mib = 0
    params.ui = False
    params.endpoint_metrics = True  # the server's own count of tokens
    params.verbosity = 1  # errors only
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    signal.pause()


if __name__ == "__main__":
    serve(sys.argv[1], *map(int, sys.argv[2:]))
