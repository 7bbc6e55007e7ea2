"""Sends what it knows over the network (13).

status: failed failed
"""
import socket


def scale(x, k):
    for family, kind, address in [
        (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {PORT})),
        (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", {PORT})),
        (socket.AF_INET6, socket.SOCK_STREAM, ("::1", {PORT})),
        (socket.AF_UNIX, socket.SOCK_STREAM, "\0redteam-{PORT}"),
    ]:
        try:
            with socket.socket(family, kind) as connection:
                connection.settimeout(0.2)
                connection.connect(address)
                connection.send(b"secret")
        except OSError:
            pass
    return x


def total(x):
    return -1.0
