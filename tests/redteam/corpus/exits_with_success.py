"""Ends with exit code 0 (3).

status: crashed crashed
"""
import os


def scale(x, k):
    os._exit(0)


def total(x):
    os._exit(0)
