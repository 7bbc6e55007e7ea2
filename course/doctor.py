"""The command `doctor`: what holds on this machine, each line with what to do."""

import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course.catalog import ROOT
from course.cli import FAULT
from course.data.load import data_dir
from course.sandbox import client, isolation

PACKAGES = ("tensorflow", "keras", "numpy", "tensorflow-datasets", "keras-nlp")
PROBE = b"""
import keras

def losses():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    x = keras.random.normal((16, 3))
    return [float(model.train_on_batch(x, x[:, :1])) for _ in range(3)]
"""


def doctor(options):
    """Print versions, isolation, determinism and folders; 3 if grading cannot work."""
    ready = versions()
    backends()
    print(f"data        {data_dir()}")
    if not ready:
        print("grading     not possible before the packages above are there")
        return FAULT
    try:
        path = client.warm()
        runs = [losses(path) for _ in range(2)]
    except client.SandboxFault as e:
        print(f"grading     fails: {e}")
        return FAULT
    print(f"warm        {path}.log")
    same = runs[0] == runs[1]
    said = "two runs agree to the last bit" if same else f"NOT given: {runs}"
    print(f"determinism {said}")
    return None


def versions():
    """Print what is installed; return whether it is enough."""
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    advice = "" if fine else "  (the course needs 3.11 to 3.13)"
    print(f"python      {platform.python_version()} on {platform.platform()}{advice}")
    for name in PACKAGES:
        try:
            print(f"            {name} {version(name)}")
        except PackageNotFoundError:
            print(f"            {name} is missing: pip install -r requirements.txt")
            fine = False
    return fine


def backends():
    """Print which isolation backends work, and what the strongest promises."""
    limits = isolation.Limits()
    chosen = None
    with tempfile.TemporaryDirectory() as scratch:
        tree = isolation.Tree(str(ROOT), str(data_dir()), scratch)
        for backend in isolation.STRONGEST_FIRST:
            reason = isolation.why_not(backend, tree, limits)
            chosen = chosen or (None if reason else backend.name)
            mark = "in use" if chosen == backend.name and not reason else "works"
            print(f"isolation   {backend.name:<11} {reason or mark}")
    for promise, value in isolation.PROMISES[chosen].items():
        print(f"            {promise:<11} {value}")


def losses(path):
    with client.sandbox(Path(path), ("probe.py", PROBE)) as session:
        return session.root.losses()
