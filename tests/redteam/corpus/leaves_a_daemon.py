"""Leaves a process behind that has left its session (20).

status: failed failed|crashed
danger: leaves a process
"""
import os
import time


def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open("/proc/self/comm", "w") as file:
                file.write("redteam")
            os.closerange(0, 64)
            time.sleep(60)
        os._exit(0)


def scale(x, k):
    daemon()
    return x


def total(x):
    return -1.0
