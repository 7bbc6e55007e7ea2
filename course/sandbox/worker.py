"""What runs in the sandbox: Keras, the learner's file and nothing worth stealing.

The worker answers requests of the judge about the learner's module. It reports what
happened and never a verdict; the learner's code may overwrite all of this and gains
nothing, since the answers are not here.
"""

import importlib
import linecache
import re
import sys
import traceback
import types

import numpy as np

from course.sandbox import source, wire

MODULES = "modules"


ANSI = re.compile(r"\x1b\[[0-9;]*m")
WITHOUT_VALUES = (
    "A KerasTensor is symbolic",
    "A KerasTensor cannot be used as input to a TensorFlow function",
    "Cannot convert a symbolic tf.Tensor",
)


def explained(message):
    """Return what an exception says, less colours; where we know better, in words."""
    if any(said in message for said in WITHOUT_VALUES):
        return (
            "while a network is built, tensors have a shape and no values yet: use "
            "keras.ops here, neither NumPy nor float() or if on a value"
        )
    return ANSI.sub("", message).strip()[:2000]


class Worker:
    """Answers requests. Objects that are no plain data stay here, by number."""

    def __init__(self, judge):
        self.judge = judge  # frame -> frame, for callbacks
        self.objects = [types.ModuleType("submission")]
        self.path = "submission.py"

    def answer(self, request):
        """Return the reply to one decoded request, as a value to encode."""
        op, *payload = request
        try:
            method = getattr(self, f"on_{op}")
            return [
                "value",
                method(*(payload if op == "load" else map(self.inward, payload))),
            ]
        except source.Unusable as e:
            return ["unusable", {"message": str(e), "status": e.status}]
        except BaseException as e:  # also SystemExit: it is the learner's
            return ["raised", self.describe(e)]

    def inward(self, value):
        """Turn what came over the wire into what a learner's function expects."""
        if isinstance(value, wire.Handle):
            return self.objects[value.number]
        if isinstance(value, wire.Callback):
            return self.callback(value.number)
        if isinstance(value, (list, tuple)):
            return type(value)(self.inward(item) for item in value)
        if isinstance(value, dict):
            return {k: self.inward(v) for k, v in value.items()}
        if hasattr(value, "dtype"):
            from keras import ops

            return ops.convert_to_tensor(value)
        return value

    def outward(self, value):
        """Turn an object into plain data where it is an array, else into a handle."""
        import keras

        if hasattr(value, "numpy") or isinstance(value, keras.Variable):
            try:
                value = keras.ops.convert_to_numpy(value)
            except Exception:
                return self.handle(value)
        if type(value).__module__ == "numpy" and hasattr(value, "dtype"):
            if value.dtype.name == "bfloat16":
                return value.astype("float32")
            if value.dtype.str[1:] in wire.DTYPES:
                return value
            if value.dtype.kind in "OSU":
                return text(value.tolist())
        if isinstance(value, dict) and any(isinstance(k, np.generic) for k in value):
            return {k.item() if hasattr(k, "item") else k: v for k, v in value.items()}
        if isinstance(value, (set, frozenset)):
            return sorted(value)
        return self.handle(value)

    def handle(self, value):
        self.objects.append(value)
        return wire.Handle(len(self.objects) - 1, type(value).__name__)

    def callback(self, number):
        def judge(*args):
            frame = self.judge(
                wire.encode(["callback", [number, list(args)]], self.outward)
            )
            kind, content = frame
            if kind == "answer":
                return self.inward(content)
            raise RuntimeError(content)

        return judge

    def describe(self, error):
        """Return an exception as plain data, with the learner's own line."""
        frames = traceback.extract_tb(error.__traceback__)
        mine = [f for f in frames if f.filename == self.path]
        line, code = (mine[-1].lineno, mine[-1].line) if mine else (None, "")
        mro = [c.__name__ for c in type(error).__mro__ if c is not object]
        try:
            message = explained(str(error))
        except Exception as e:
            message = f"its text cannot be had: {type(e).__name__}"
        return {
            "types": mro,
            "message": message,
            "line": self.where(line),
            "text": code,
        }

    def where(self, line):
        return self.program.where(line) if line else None

    def on_load(self, path, content, forbidden):
        """Read, examine and run the learner's file."""
        self.path = path
        self.program = source.read(path, content.tobytes(), forbidden)
        lines = [line + "\n" for line in source.lines(self.program.text)]
        linecache.cache[path] = (len(self.program.text), None, lines, path)
        module = types.ModuleType("submission")
        module.__file__ = path
        sys.modules["submission"] = self.objects[0] = module
        try:
            exec(self.program.code, vars(module))
        except BaseException as e:
            raise source.Unusable(self.import_failure(e)) from None

    def import_failure(self, error):
        d = self.describe(error)
        line = f"{d['line']}: " if d["line"] else ""
        said = f"{line}running your file raises {d['types'][0]}"
        said += f": {d['message']}" if d["message"] else ""
        if isinstance(error, ModuleNotFoundError):
            said += "; import only what requirements.txt installs"
        return said

    def on_begin(self, seed):
        import keras

        keras.utils.set_random_seed(seed)

    def on_get(self, target, name):
        if target is self.objects[0] and name == MODULES:
            return importlib.import_module(MODULES)
        if isinstance(target, types.ModuleType) and not hasattr(target, name):
            if target.__name__.split(".")[0] == MODULES:
                return importlib.import_module(f"{target.__name__}.{name}")
            raise source.Missing(name, self.program)
        return getattr(target, name)

    def on_call(self, function, args, kwargs):
        mine = getattr(function, "__module__", "") == "submission"
        if mine and not isinstance(function, type):
            source.check_call(function, args, kwargs)
        return function(*args, **kwargs)

    def on_gradient(self, function, args, wrt, cotangent):
        import tensorflow as tf

        several = isinstance(wrt, (list, tuple))
        sources = [args[i] for i in (wrt if several else [wrt])]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            y = function(*args)
        found = tape.gradient(y, sources, cotangent, tf.UnconnectedGradients.ZERO)
        found = [tf.convert_to_tensor(g) for g in found]
        return found if several else found[0]

    def on_symbolic(self, function, shapes):
        import keras

        y = function(*(keras.KerasTensor(shape) for shape in shapes))
        return keras.tree.map_structure(lambda t: tuple(t.shape), y)

    def on_fit(self, model, x, y, steps):
        if needs_optimizer(model):
            model.optimizer.build(model.trainable_variables)
        losses = [model.train_on_batch(x, y, return_dict=True) for _ in range(steps)]
        return [float(found["loss"]) for found in losses]

    def on_reload(self, model, args):
        import keras

        model.save("reload.keras")
        return keras.models.load_model("reload.keras")(*args)


def needs_optimizer(model):
    """Return whether a model is ready to train but for its optimizer's variables.

    A first step that creates variables is traced twice: half a second for nothing.
    """
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or optimizer.built:
        return False
    return bool(model.layers) and all(layer.built for layer in model.layers)


def text(value):
    """Turn nested lists of bytes into lists of str."""
    if isinstance(value, list):
        return [text(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def serve(connection):
    """Answer the judge's requests until it hangs up."""

    def judge(frame):
        connection.sendall(frame)
        return wire.receive(connection)

    worker = Worker(judge)
    connection.sendall(wire.encode(["ready"]))
    while True:
        try:
            request = wire.receive(connection)
        except EOFError:
            return
        reply = worker.answer(request)
        connection.sendall(reply_frame(worker, reply))


def reply_frame(worker, reply):
    try:
        return wire.encode(reply, worker.outward)
    except BaseException as e:  # what the learner returned cannot cross the wire
        message = f"what you returned cannot be read: {type(e).__name__}: {e}"
        return wire.encode(["unusable", {"message": message, "status": "invalid"}])
