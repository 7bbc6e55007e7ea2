"""Sends a verdict instead of an answer (14).

status: invalid invalid
"""
import os

from course.sandbox import wire


def scale(x, k):
    os.write(3, wire.encode(["passed", {"score": 2.0}]))


def total(x):
    os.write(3, wire.encode({"status": "passed"}))
