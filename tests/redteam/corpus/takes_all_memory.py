"""Allocates without end (22).

status: memory|timeout memory|timeout
danger: memory
"""
def scale(x, k):
    kept = []
    while True:
        kept.append(bytearray(50 << 20))


def total(x):
    return scale(x, 1.0)
