"""Mounts, changes root, traces and becomes root (20, 28).

status: failed failed
"""
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def scale(x, k):
    try:
        os.setuid(0)
    except OSError:
        pass
    libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)
    libc.unshare(0x10000000 | 0x00020000)
    libc.ptrace(16, os.getppid(), 0, 0)
    libc.chroot(b"/proc/1/root")
    for path in ("/proc/1/root/{TMP}/redteam-mark-{PORT}", "/proc/self/root/redteam-mark-{PORT}"):
        try:
            with open(path, "w") as file:
                file.write("x")
        except OSError:
            pass
    return x


def total(x):
    return -1.0
