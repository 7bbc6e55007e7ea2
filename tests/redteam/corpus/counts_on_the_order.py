"""Answers the second question with the first answer (5).

status: failed failed
"""
LAST = []


def scale(x, k):
    LAST.append(k)
    return x * LAST[0] * 0


def total(x):
    return LAST
