"""Leaves a process behind that has left its session (20).

status: failed failed
danger: leaves a process
"""
import ctypes
import os
import time

LIBC = ctypes.CDLL(None)


def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            LIBC.prctl(15, b"redteam", 0, 0, 0)  # its name
            os.closerange(0, 64)
            time.sleep(60)
        os._exit(0)


def scale(x, k):
    daemon()
    return x


def total(x):
    return -1.0
