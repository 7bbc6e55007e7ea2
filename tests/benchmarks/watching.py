"""How long a learner waits from saving a file to the verdict, in `watch`."""

import statistics
import tempfile
import time
from pathlib import Path

from course import stubs
from tests.benchmarks.measure import at_most
from tests.course.terminal import ROOT, Terminal, copied

EXERCISE = "vision/classification/receptive_fields"  # trains nothing
LIMIT = 1.0
SAVES = 15


def watching():
    """Save the solution and its mistakes in turn, and wait for each verdict."""
    solution = ROOT / f"solutions/{EXERCISE}.py"
    texts = [mutant.text for mutant in stubs.read(solution).mutants]
    texts = [*texts[: SAVES // 2], solution.read_text("utf-8")]
    with tempfile.TemporaryDirectory() as folder:
        home = copied(Path(folder) / "home")
        terminal = Terminal(home, "watch", EXERCISE)
        terminal.wait("q quit")
        times = [verdict(terminal, home, texts[i % len(texts)]) for i in range(SAVES)]
        terminal.press("q")
        terminal.process.wait(10)
    label = f"watch: from save to verdict, median of {SAVES} saves"
    yield at_most(label, statistics.median(times), LIMIT, " s")


def verdict(terminal, home, text):
    begun = time.perf_counter()
    (home / f"assignments/{EXERCISE}.py").write_text(text, "utf-8")
    terminal.wait("q quit")
    return time.perf_counter() - begun
