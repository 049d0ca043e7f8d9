"""Ports that stay free while what listens on them is down."""

import itertools
import os
import random
import socket

_FIRST, _BLOCKS, _OF_A_BLOCK = 10_000, 100, 220
"""Below those that the kernel gives to whoever connects (from 32,768 on), and others for a harness that runs beside this one."""
_places = itertools.count(random.SystemRandom().randrange(_OF_A_BLOCK))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that is given to nobody else."""
    first = _FIRST + os.getpid() % _BLOCKS * _OF_A_BLOCK
    while True:
        port = first + next(_places) % _OF_A_BLOCK
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
