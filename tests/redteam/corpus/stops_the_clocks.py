"""Replaces every clock, then loops (12).

status: timeout timeout
"""
import time

for name in ("time", "monotonic", "perf_counter", "process_time"):
    setattr(time, name, lambda: 0.0)


def scale(x, k):
    while True:
        pass


def total(x):
    return scale(x, 1.0)
