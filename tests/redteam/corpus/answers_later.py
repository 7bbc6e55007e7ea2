"""Returns an object that would compute when it is looked at (11).

status: invalid invalid
"""
class Later:
    def __init__(self, compute):
        self.compute = compute

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("not yet")

    def __getattr__(self, name):
        raise RuntimeError("not yet")


def scale(x, k):
    return Later(lambda: x * k)


def total(x):
    return Later(lambda: x.sum())
