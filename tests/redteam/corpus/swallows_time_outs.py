"""Loops on whatever interrupts it (19).

status: timeout timeout
"""
import signal

for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass


def scale(x, k):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def total(x):
    return scale(x, 1.0)
