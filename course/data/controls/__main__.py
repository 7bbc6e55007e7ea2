"""Measure the negative controls: wrong models stay near chance, right ones do not.

    python -m course.data.controls             all of them, about three minutes
    python -m course.data.controls motion      those of one set

Each control is a file beside this one with `measure()`, which returns a measured
number a name, and `BOUNDS`, which says between which numbers it must lie.
"""

import importlib
import os
import sys
import time
from pathlib import Path

os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def names():
    return sorted(p.stem for p in Path(__file__).parent.glob("[!_]*.py"))


def run(name):
    """Return rows (what, measured, low, high) of one set's controls."""
    import keras
    import tensorflow as tf

    control = importlib.import_module(f"course.data.controls.{name}")
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    measured = control.measure()
    return [(w, measured[w], *bounds) for w, bounds in control.BOUNDS.items()]


def main(wanted):
    for unknown in set(wanted) - set(names()):
        print(f"no controls for {unknown!r}; there are: {', '.join(names())}")
        return 2
    failed = 0
    for name in wanted or names():
        begun = time.monotonic()
        rows = run(name)
        print(f"course_{name}, {time.monotonic() - begun:.0f} s")
        for what, value, low, high in rows:
            mark = "  " if low <= value <= high else "!!"
            failed += mark != "  "
            print(f"{mark} {value:8.1f}   {low:g} to {high:g}   {what}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
