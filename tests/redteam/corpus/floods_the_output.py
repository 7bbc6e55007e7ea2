"""Prints without end (22).

status: failed failed
"""
def scale(x, k):
    for _ in range(3000):
        print("x" * 10_000)
    return x


def total(x):
    return -1.0
