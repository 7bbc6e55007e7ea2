"""Writes a file without end (22).

status: failed failed
danger: disk
"""
def scale(x, k):
    try:
        with open("big", "wb") as file:
            for _ in range(100_000):
                file.write(bytes(1 << 20))
    except OSError:
        pass
    return x


def total(x):
    return -1.0
