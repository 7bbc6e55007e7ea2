"""Waits for ever without any work (19).

status: timeout timeout
"""
import time


def scale(x, k):
    while True:
        time.sleep(1)


def total(x):
    return scale(x, 1.0)
