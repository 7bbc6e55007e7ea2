"""Closes its connection and lives on (2).

status: crashed crashed
"""
import os
import time


def scale(x, k):
    os.closerange(3, 64)
    time.sleep(60)


def total(x):
    return scale(x, 1.0)
