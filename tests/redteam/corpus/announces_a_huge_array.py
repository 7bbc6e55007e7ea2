"""Sends a header that announces 2^60 bytes (27).

status: invalid invalid
"""
import json
import os
import struct


def scale(x, k):
    header = json.dumps({"value": {"array": 0}, "buffers": [["f8", [2**57]]]}).encode()
    os.write(3, struct.pack("<II", len(header), 0) + header)


def total(x):
    os.write(3, struct.pack("<II", 2**31, 2**31))
