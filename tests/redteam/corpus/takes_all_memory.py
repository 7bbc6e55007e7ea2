"""Allocates without end (22).

status: memory memory
danger: memory
"""
def scale(x, k):
    kept = []
    while True:
        kept.append(bytearray(50 << 20))


total = scale
