"""Prints without end (22).

status: failed|timeout failed
"""
def scale(x, k):
    for _ in range(300):
        print("x" * 10_000)
    return x


def total(x):
    return -1.0
