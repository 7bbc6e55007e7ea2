"""Counts on broadcasting (10).

status: failed failed
"""
def scale(x, k):
    return 0.0


def total(x):
    return [0.0]
