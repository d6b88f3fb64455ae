"""A command that is forked from the warm program, in the place of this process: `warm_client.py SOCKET ARGUMENTS...`.

It has this process's streams, variables and folder, and its exit code. Signals do not go through. Nothing is imported
from elsewhere: this is to start in a few milliseconds.
"""

import json
import os
import socket
import sys

__all__: list[str] = []

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    socket.send_fds(connection, [b"."], [0, 1, 2])
    command = {"arguments": sys.argv[2:], "variables": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109 pathlib is slow
    connection.sendall(json.dumps(command).encode() + b"\n")
    answer = connection.makefile().read().split()
sys.exit(int(answer[1]))
