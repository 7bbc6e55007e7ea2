"""Which submissions share what neither the stub nor the solution nor modules hold.

A file becomes the set of its runs of GRAM tokens, in which names of one's own are all
the same, and comments, docstrings and layout are gone: renaming, reformatting and the
order of functions change little. Runs that the baseline holds, or that much of the
class has, say nothing. Two files are alike by the part of the smaller one's runs that
the other has too.
"""

import functools
import itertools
import json
import keyword
import re
from collections import Counter
from dataclasses import dataclass

GRAM = 8  # tokens in a run
LEAST = 0.7  # of the smaller file's own runs: what is listed
OWN = 24  # runs that a file must have of its own to be compared
COMMON = 0.5  # part of the class that has a run: nobody's own
OWN_SOLUTION = 40  # runs that a solution must have to be told from an honest answer
TAKEN = 0.6  # part of them that a copy has
RING = 30  # but so many may have copied from one
SIZE_MAX = 200_000  # characters of code that are compared
TOKEN = re.compile(
    r"""(?P<line>\n)|(?P<silent>[ \t\f]+|\#[^\n]*|\\\n)"""
    r"""|(?P<quote>[rbfuRBFU]{0,2}(?:\"\"\"|\'\'\'|"|'))"""
    r"""|(?P<word>\w+)|(?P<mark>.)""",
    re.S,
)


@dataclass(frozen=True)
class Pair:
    """Two submissions to one exercise that are alike."""

    exercise: str
    first: str
    second: str
    alike: float  # from 0 to 1
    shared: int  # runs of tokens
    same_bytes: bool


def baseline(exercise, root):
    """Return the runs that everybody may use: of stub, solution and modules.

    Args:
        exercise: a `catalog.Exercise`.
        root: Path of the course.
    """
    files = [exercise.assignment, exercise.solution, *(root / "modules").rglob("*.py")]
    texts = [path.read_text("utf-8") for path in files if path.exists()]
    return set().union(*map(runs, texts))


def is_solution(exercise, content, root):
    """Return whether a file is the published solution, names and layout apart.

    Args:
        exercise: a `catalog.Exercise`.
        content: bytes of the file.
        root: Path of the course.
    """
    own = solution_runs(exercise, root)
    if len(own) < OWN_SOLUTION:
        return False
    return len(own & runs(text_of(content))) >= TAKEN * len(own)


@functools.cache
def solution_runs(exercise, root):
    """Return the runs that only an exercise's solution has."""
    others = [exercise.assignment, *(root / "modules").rglob("*.py")]
    texts = [path.read_text("utf-8") for path in others if path.exists()]
    if not exercise.solution.exists():
        return set()
    found = runs(exercise.solution.read_text("utf-8"))
    return found - set().union(*map(runs, texts))


def pairs(exercise, files, known, least=LEAST):
    """Return the Pairs among files that are alike, the most alike first.

    Args:
        exercise: name.
        files: {student: bytes}.
        known: runs that say nothing: see `baseline`.
        least: float, from 0 to 1.
    """
    own = {student: runs(text_of(c)) - known for student, c in files.items()}
    found = [
        Pair(exercise, first, second, 1.0, len(own[first]), True)
        for first, second in identical(files, own)
    ]
    counts = Counter(run for runs_of in own.values() for run in runs_of)
    most = max(RING, COMMON * len(files))
    own = {
        student: {run for run in runs_of if counts[run] <= most}
        for student, runs_of in own.items()
    }
    for (first, second), shared in together(own).items():
        smaller = min(len(own[first]), len(own[second]))
        alike = shared / smaller
        if smaller >= OWN and alike >= least and files[first] != files[second]:
            found.append(Pair(exercise, first, second, alike, shared, False))
    return sorted(found, key=lambda p: (-p.alike, -p.shared, p.first, p.second))


def identical(files, own):
    """Yield pairs of students with the same bytes, however many there are of them.

    Only where the file holds something of its own: many hand in the stub.
    """
    groups = {}
    for student in sorted(files):
        if len(own[student]) >= OWN:
            groups.setdefault(files[student], []).append(student)
    for group in groups.values():
        yield from itertools.pairwise(group)


def together(own):
    """Return {(student, student): runs that both have}, by who has each run."""
    holders = {}
    for student in sorted(own):
        for run in own[student]:
            holders.setdefault(run, []).append(student)
    shared = Counter()
    for students in holders.values():
        for index, first in enumerate(students):
            for second in students[index + 1 :]:
                shared[first, second] += 1
    return shared


def runs(text):
    """Return the set of runs of tokens of a file."""
    words = tokens(text)
    return {hash(tuple(words[i : i + GRAM])) for i in range(len(words) - GRAM + 1)}


def tokens(text):
    """Return the words of a Python file; every name that is no attribute is one.

    Reads any text in one pass: where quotes are not closed, they end with the line.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")[:SIZE_MAX]
    found, at, line_begins = [], 0, True
    while match := TOKEN.match(text, at):
        at, kind = match.end(), match.lastgroup
        if kind == "quote":
            at = end_of_string(text, match)
            if not line_begins:  # no docstrings
                found.append("''")
        elif kind == "word":
            found.append(word(match["word"], found))
        elif kind == "mark":
            found.append(match["mark"])
        line_begins = kind == "line" or (line_begins and kind == "silent")
    return found


def end_of_string(text, match):
    """Return where a string ends that begins at a match."""
    quote = match["quote"].lstrip("rbfuRBFU")
    end = "\n" if len(quote) == 1 else None
    at = match.end()
    while True:
        close = text.find(quote, at)
        stop = text.find(end, at) if end else -1
        if close < 0 or -1 < stop < close:
            return stop if stop >= 0 else len(text) if end else match.end()
        backslashes = close - len(text[at:close].rstrip("\\")) - at
        if backslashes % 2 == 0:
            return close + len(quote)
        at = close + 1


def word(text, before):
    """Return what a word says, whatever names its author has chosen."""
    own = text.isidentifier() and not keyword.iskeyword(text)
    return "name" if own and before[-1:] != ["."] else text


def text_of(content):
    """Return the Python text of a submission, of a notebook that of its code cells."""
    text = content.decode("utf-8-sig", "replace")
    if not text.lstrip().startswith("{"):
        return text
    try:
        cells = json.loads(text)["cells"]
        code = [c["source"] for c in cells if c["cell_type"] == "code"]
        code = [c if isinstance(c, str) else "".join(c) for c in code]
        return "\n".join(c for c in code if not c.lstrip().startswith("%%"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return text
