"""Kills every process that it may (15, 20).

status: crashed|failed crashed|failed
danger: kills
"""
import os
import signal


def scale(x, k):
    for pid in (os.getppid(), 0, 1, -1):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    os.kill(os.getpid(), signal.SIGKILL)


def total(x):
    return scale(x, 1.0)
