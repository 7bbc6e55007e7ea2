"""Leaves by SystemExit(0) (3).

status: crashed crashed
"""
def scale(x, k):
    raise SystemExit(0)


def total(x):
    raise KeyboardInterrupt
