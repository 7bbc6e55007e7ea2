"""The judge's end of the wire: what `submission` is in a test."""

import hashlib
import time

import numpy as np

from course.sandbox import wire

CALLBACKS_MAX = 10_000
RETURNED_MAX = 16 << 20  # bytes of arrays that one check may get


class Raised(Exception):
    """The submission raised: type name, message, line number and text of the line."""

    def __init__(self, types, message, line=None, text=""):
        super().__init__(message)
        self.types, self.message, self.line, self.text = types, message, line, text

    @property
    def type(self):
        return self.types[0]

    def __str__(self):
        said = f"{self.type}: {self.message}" if self.message else self.type
        return f"{said}\n{self.line}: {self.text}" if self.line else said


class Unusable(Exception):
    """The submission cannot be graded: `status` is invalid or refused."""

    def __init__(self, message, status="invalid"):
        super().__init__(message)
        self.status = status


class Gone(Exception):
    """The sandbox has ended: `status` is timeout, memory, crashed or invalid."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Keep:
    """An array that crosses the wire in its own dtype."""

    def __init__(self, array):
        self.array = np.asarray(array)


class Proxy:
    """An object of the sandbox; attributes and calls are round trips."""

    def __init__(self, session, number, name):
        vars(self).update(_session=session, _number=number, _name=name)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._session.ask("get", f"{self._name}.{name}", self, name)

    def __call__(self, *args, **kwargs):
        args, kwargs = narrow(list(args)), narrow(kwargs)
        return self._session.ask("call", self._name, self, args, kwargs)

    def __repr__(self):
        return f"<{self._name}>"


class Session:
    """One conversation with one sandbox.

    Args:
        link: what carries frames: `course.sandbox.client.Link`, or `Direct`.
    """

    def __init__(self, link):
        self.link = link
        self.functions = []
        self.start("no check", 0, 60.0)

    def start(self, check, seed, seconds):
        """Begin a check: seed the sandbox, forget what was observed before."""
        self.observed, self.asked, self.failure = [], False, None
        self.sent = hashlib.sha256()  # tells whether two runs had the same inputs
        self.callbacks_left, self.room = CALLBACKS_MAX, RETURNED_MAX
        self.seconds = seconds
        self.link.allow(seconds)
        if check != "no check":
            self.request("begin", seed)

    @property
    def root(self):
        return Proxy(self, 0, "submission")

    def ask(self, op, name, *payload):
        """Send a request and note what came back: the observations of a check."""
        self.asked = True
        try:
            value = self.request(op, *payload)
        except Raised as raised:
            self.observed.append((op, name, raised))
            raise
        value = self._adopt(value, name)
        if op != "get" or not isinstance(value, Proxy):
            self.observed.append((op, name, value))
        return value

    def request(self, op, *payload):
        try:
            frame = wire.encode([op, *payload], self._outward)
        except (ValueError, TypeError) as e:
            raise Unusable(f"the check cannot pass on what you returned: {e}") from None
        deadline = time.monotonic() + self.link.patience(self.seconds)
        while True:
            self.sent.update(frame)
            kind, content = self._reply(self.link.exchange(frame, deadline))
            if kind != "callback" and self.failure:
                raise self.failure
            if kind == "value":
                return content
            if kind == "raised":
                raise Raised(**content)
            if kind == "unusable":
                raise Unusable(**content)
            frame = self._callback(content)

    def _reply(self, reply):
        try:
            kind, content = reply
            if kind == "raised":
                content = {
                    "types": [plain(t, 80) for t in content["types"][:20]]
                    or ["Exception"],
                    "message": plain(content["message"], 2000),
                    "line": plain(content["line"] or "", 40),
                    "text": plain(content["text"], 200),
                }
            elif kind == "unusable":
                status = "refused" if content["status"] == "refused" else "invalid"
                content = {"message": plain(content["message"], 2000), "status": status}
            elif kind == "callback":
                content = (self.functions[content[0]], list(content[1]))
            elif kind != "value":
                raise ValueError(kind)
        except (TypeError, ValueError, KeyError, IndexError):
            self.link.kill()
            raise Gone(
                "invalid", "the sandbox sent something that is no answer"
            ) from None
        return kind, content

    def _callback(self, content):
        function, args = content
        self.callbacks_left -= 1
        if self.callbacks_left < 0:
            return wire.encode(["fail", f"more than {CALLBACKS_MAX:,} calls"])
        args = [self._adopt(a, "argument") for a in args]
        try:
            return wire.encode(["answer", function(*args)], self._outward)
        except AssertionError as e:  # the sandbox waits for an answer all the same
            self.failure = e
            return wire.encode(["fail", "the check has failed"])
        except (Raised, Gone, Unusable):
            raise
        except Exception as e:  # what it was called with, most likely
            return wire.encode(["fail", f"{type(e).__name__}: {str(e)[:200]}"])

    def _adopt(self, value, name):
        if isinstance(value, wire.Handle):
            return Proxy(self, value.number, name.removeprefix("submission."))
        if isinstance(value, np.ndarray):
            self.room -= value.nbytes
            if self.room < 0:
                self.link.kill()
                size = f"{RETURNED_MAX >> 20} MB of arrays"
                raise Gone("memory", f"it returned more than {size} in one check")
        if isinstance(value, (list, tuple)):
            return type(value)(self._adopt(item, name) for item in value)
        if isinstance(value, dict):
            return {k: self._adopt(v, name) for k, v in value.items()}
        return value

    def _outward(self, value):
        if isinstance(value, Proxy):
            return wire.Handle(value._number, value._name)
        if isinstance(value, Keep):
            return value.array
        if callable(value):
            self.functions.append(value)
            return wire.Callback(len(self.functions) - 1)
        raise ValueError(f"a {type(value).__name__} cannot cross the wire")


def plain(text, most):
    """Return the start of a text; anything else may be long in the telling.

    Raises:
        TypeError: it is no text.
    """
    if not isinstance(text, str):
        raise TypeError("no text")
    return text[:most]


def narrow(value):
    """Return plain data as a student's function gets it: float32 and int32."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        kinds = {"f": "float32", "i": "int32", "u": "int32"}
        return Keep(value.astype(kinds.get(value.dtype.kind, value.dtype)))
    if isinstance(value, (list, tuple)):
        return type(value)(narrow(item) for item in value)
    if isinstance(value, dict):
        return {k: narrow(v) for k, v in value.items()}
    return value
