"""Closes its connection and lives on (2).

status: crashed crashed
"""
import os
import time


def scale(x, k):
    os.closerange(3, 64)
    time.sleep(60)


total = scale
