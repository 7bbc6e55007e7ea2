"""Sends bytes without end (14).

status: invalid invalid
"""
import os


def scale(x, k):
    while True:
        os.write(3, b"\xff" * 4096)


def total(x):
    return scale(x, 1.0)
