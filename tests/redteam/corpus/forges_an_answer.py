"""Writes frames of its own to the judge (14).

status: failed invalid|crashed
"""
import os

import numpy as np

from course.sandbox import wire


def scale(x, k):
    os.write(3, wire.encode(["value", np.zeros(x.shape, "float32")]))
    return x


def total(x):
    os.write(3, wire.encode(["value", 0.0]))
    os._exit(0)
