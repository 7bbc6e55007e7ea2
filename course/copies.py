"""Which submissions share what neither the stub nor the solution nor modules hold.

A file becomes the set of its runs of GRAM tokens, in which names of one's own are all
the same, and comments, docstrings and layout are gone: renaming, reformatting and the
order of functions change little. Runs that the baseline holds, or that much of the
class has, say nothing. Two files are alike by the part of the smaller one's runs that
the other has too.
"""

import builtins
import io
import json
import keyword
import tokenize
from collections import Counter
from dataclasses import dataclass

GRAM = 8  # tokens in a run
LEAST = 0.7  # of the smaller file's own runs: what is listed
OWN = 24  # runs that a file must have of its own to be compared
COMMON = 0.3  # part of the class that has a run: nobody's own
RING = 12  # but so many may have copied from one
SIZE_MAX = 1 << 20
SILENT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT)
SILENT += (tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER)
LIBRARY = {"keras", "ops", "layers", "np", "numpy", "tf", "tensorflow", "math"}


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


def pairs(exercise, files, known, least=LEAST):
    """Return the Pairs among files that are alike, the most alike first.

    Args:
        exercise: name.
        files: {student: bytes}.
        known: runs that say nothing: see `baseline`.
        least: float, from 0 to 1.
    """
    own = {student: runs(text_of(c)) - known for student, c in files.items()}
    counts = Counter(run for found in own.values() for run in found)
    most = max(RING, COMMON * len(files))
    own = {
        student: {run for run in found if counts[run] <= most}
        for student, found in own.items()
    }
    found = []
    for (first, second), shared in together(own).items():
        smaller = min(len(own[first]), len(own[second]))
        alike = shared / smaller
        if smaller >= OWN and alike >= least:
            same = files[first] == files[second]
            found.append(Pair(exercise, first, second, alike, shared, same))
    return sorted(found, key=lambda p: (-p.alike, -p.shared, p.first, p.second))


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
    """Return the words of a Python file, as far as they can be told apart."""
    found, line_begins = [], True
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in SILENT:
                line_begins = True
                continue
            if not (token.type == tokenize.STRING and line_begins):  # no docstrings
                found.append(word(token, found))
            line_begins = False
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass  # a broken file is compared up to where it breaks
    return found


def word(token, before):
    """Return what a token says, whatever names its author has chosen."""
    if token.type == tokenize.STRING:
        return "''"
    text = token.string
    plain = token.type != tokenize.NAME or keyword.iskeyword(text)
    of_library = text in LIBRARY or hasattr(builtins, text)
    if plain or of_library or before[-1:] == ["."]:
        return text
    return "name"


def text_of(content):
    """Return the Python text of a submission, of a notebook that of its code cells."""
    if len(content) > SIZE_MAX:
        return ""
    text = content.decode("utf-8", "replace")
    if not text.lstrip().startswith("{"):
        return text
    try:
        cells = json.loads(text)["cells"]
        code = [c["source"] for c in cells if c["cell_type"] == "code"]
        return "\n".join(c if isinstance(c, str) else "".join(c) for c in code)
    except (ValueError, KeyError, TypeError, RecursionError):
        return text
