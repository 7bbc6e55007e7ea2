"""Floods the judge with answers ahead of the questions (14).

status: invalid invalid
"""
import os

from course.sandbox import wire

for _ in range(20):
    os.write(3, wire.encode(["value", 1.0]))


def scale(x, k):
    return x


def total(x):
    return 1.0
