"""Forks, so that two processes answer one call: the second answer is for the next.

status: failed|crashed failed|crashed
"""
import os


def scale(x, k):
    if os.fork() == 0:
        return 1 / 0  # travels back as an answer of its own
    return x


def total(x):
    return -1.0
