"""The same conversation without a sandbox: for breakpoints, and never for others."""

from contextlib import contextmanager

from course.sandbox import wire
from course.sandbox.session import Session
from course.sandbox.worker import Worker, reply_frame

HEADER = 12  # bytes before a frame's JSON


class Direct:
    """A link to a worker in this very process; frames are made and read as ever."""

    info = {"isolation": {"backend": "none"}, "environment": {}}
    printed = ""

    def __init__(self):
        self.session = None
        self.worker = Worker(self.judge)

    def judge(self, frame):
        kind, content = self.session._reply(self.read(frame))
        return self.read(self.session._callback(content))

    def exchange(self, frame, deadline):
        reply = self.worker.answer(self.read(frame))
        return self.read(reply_frame(self.worker, reply))

    @staticmethod
    def read(frame):
        size, _ = wire._LENGTHS.unpack(frame[:HEADER])
        return wire.decode(frame[HEADER : HEADER + size], frame[HEADER + size :])

    def allow(self, seconds):
        """No clock: a breakpoint may last."""

    def patience(self, seconds):
        return float("inf")

    def kill(self):
        """There is nothing to end."""


@contextmanager
def fresh():
    """Yield a Session whose submission runs here; see `client.fresh`."""
    link = Direct()
    link.session = Session(link)
    yield link.session
