"""Ports on the loopback that nobody uses at the moment."""

import os
import random
import socket

# Scenarios run in processes of their own, several at a time: each draws from its own stretch, so that a port that is
# free when it is drawn is still free when a phone has started on it. Below 32768, where the kernel takes its own.
STRETCHES, FIRST, LAST = 8, 12000, 28000


def free(block=2, host="127.0.0.1"):
    """The first of `block` ports in a row, each free for UDP and TCP."""
    size = (LAST - FIRST) // STRETCHES
    base = FIRST + size * (int(os.environ.get("WIRE_SLOT", "0")) % STRETCHES)
    for _ in range(500):
        port = base + random.randrange(0, size - block, 2)
        if all(_is_free(host, port + at) for at in range(block)):
            return port
    raise OSError(f"no {block} free ports on {host}")


def _is_free(host, port):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as s:
            try:
                s.bind((host, port))
            except OSError:
                return False
    return True
