"""The command `doctor`: what holds on this machine, each line with what to do."""

import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course.catalog import ROOT
from course.cli import FAULT, not_installed
from course.data.load import data_dir

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
    print(f"data        {data_dir()}")
    if not ready:
        print("grading     not possible before the packages above are there")
        return FAULT
    from course.sandbox import client

    backends()
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
            print(f"            {name} is missing: {not_installed(name)}")
            fine = False
    return fine


def backends():
    """Print which isolation backends work, and what the strongest promises."""
    from course.sandbox import isolation

    limits = isolation.Limits()
    chosen = None
    with tempfile.TemporaryDirectory() as scratch:
        tree = isolation.Tree(str(ROOT), str(data_dir()), scratch)
        for backend in isolation.STRONGEST_FIRST:
            reason = isolation.why_not(backend, tree, limits)
            chosen = chosen or (None if reason else backend.name)
            mark = "in use" if chosen == backend.name and not reason else "works"
            said = (
                f"not possible here: {reason.rpartition('Error: ')[2]}"
                if reason
                else mark
            )
            print(f"isolation   {backend.name:<11} {said}")
    promises = isolation.PROMISES[chosen]
    print(
        f"            a submission can read {FILES[promises['filesystem']]}; it reaches"
    )
    print(f"            {sayings(promises)}")
    if chosen == "process":
        print("            grade only your own work here (course/instructors.md)")


FILES = {
    "allow-list": "only libraries and modules/",
    "no solutions, no tests": "all files but solutions, tests and submissions",
    "open": "all your files",
}


def sayings(promises):
    """Return in words what else a backend lets a submission do."""
    reached = {"the network": "network", "other processes": "processes"}
    found = [what for what, key in reached.items() if promises[key]]
    return " and ".join(found) or "no network and no other process"


def losses(path):
    from course.sandbox import client

    with client.sandbox(Path(path), ("probe.py", PROBE)) as session:
        return session.root.losses()
