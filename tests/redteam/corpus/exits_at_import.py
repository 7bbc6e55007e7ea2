"""Ends with exit code 0 while it is imported (3).

status: crashed crashed
"""
import os

os._exit(0)
