"""How long demos take, and whether they say and draw the same twice."""

import tempfile
import time
from pathlib import Path

from course.catalog import Course
from tests.benchmarks.measure import Row, at_most, course

LIMIT = 60  # seconds on two cores


def demos():
    """Run every demo twice."""
    for name in Course().demos:
        begun = time.perf_counter()
        first = shown(name)
        yield at_most(f"demo {name}", time.perf_counter() - begun, LIMIT, " s", 0)
        same = first == shown(name)
        yield Row("  twice", "the same" if same else "different", "the same", same)


def shown(name):
    """Return what a demo prints, and the bytes of its figure."""
    with tempfile.TemporaryDirectory() as folder:
        figure = Path(folder) / "figure.png"
        said = course("demo", name, "--out", figure)
        return said.replace(folder, ""), figure.read_bytes()
