"""The red team's corpus: hostile submissions, and the exercise that they attack.

A file of corpus/ opens with what it does, the row of the catalogue of known attacks it
belongs to, and the status that each check must end with. {LIBRARY}, {SECRET}, {TMP} and
{PORT} stand for places that it would like to reach.
"""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from course import catalog, judge, judging

CORPUS = Path(__file__).parent / "corpus"
MARK = "redteam"
CHECKS = '''
from course.grading import close, points

@points(2, seconds=0.6)
def test_scale(submission, rng):
    """scale multiplies"""
    x, k = rng.normal(size=(2, 3)), float(rng.normal())
    close(submission.scale(x, k), k * x)

@points(1, seconds=0.6)
def test_total(submission, rng):
    """total adds up"""
    x = rng.normal(size=(2, 3))
    close(submission.total(x), x.sum())
'''
RIGHT = """
from keras import ops

def scale(x, k):
    return k * x

def total(x):
    return ops.sum(x)
"""


@dataclass(frozen=True)
class Attack:
    """One hostile submission."""

    name: str
    text: str
    statuses: tuple  # of the checks, in order; each a tuple of those that may be
    danger: str  # what it would do to a machine without isolation, or ""

    def content(self, **places):
        text = self.text
        for key, value in places.items():
            text = text.replace("{" + key + "}", str(value))
        return text.encode()


def attacks():
    return [read(path) for path in sorted(CORPUS.glob("*.py"))]


def read(path):
    text = path.read_text("utf-8")
    [status] = re.findall(r"^status: (.*)$", text, re.M)
    danger = re.findall(r"^danger: (.*)$", text, re.M)
    statuses = tuple(tuple(word.split("|")) for word in status.split())
    return Attack(path.stem, text, statuses, danger[0] if danger else "")


def exercise(root):
    """Write the attacked exercise below a folder and return it."""
    found = catalog.Exercise(root, "redteam/scale")
    found.test.parent.mkdir(parents=True, exist_ok=True)
    found.test.write_text(CHECKS)
    return found


def graded(target, content, sandboxes, seed="a seed"):
    """Return the result of a submission."""
    opener = judging.opener(sandboxes)
    return judge.examine(target, ("scale.py", content), seed, opener)


def raid(chosen, target, sandboxes, at_once, **places):
    """Grade attacks with a right file beside each; return {name: result}s.

    Returns:
        (results of the attacks, results of their neighbours), by name.
    """
    beside, lock = {}, threading.Lock()

    def one(attack):
        found = graded(target, attack.content(**places), sandboxes)
        neighbour = graded(target, RIGHT.encode(), sandboxes)
        with lock:
            beside[attack.name] = neighbour
        return attack.name, found

    with ThreadPoolExecutor(at_once) as pool:
        return dict(pool.map(one, chosen)), beside
