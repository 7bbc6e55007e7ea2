"""The students' copy of the course: what learners need, and no answers."""

import ast
import json
import shutil
from pathlib import Path

from course.batch.files import put
from course.cli import UsageError

KINDS = (".py", ".md", ".png", ".svg", ".json", ".html", ".txt", ".toml")
TOP = ("LICENSE", "requirements.txt", "constraints.txt", "pyproject.toml")
LEFT_OUT = ("__pycache__", "samples")
ANSWERS = ("assignments", "tests", "modules", "course/units")  # where they might hide
SHOWN = ("samples", "units", "reporting/templates")  # nothing that grades
PAGES = Path(__file__).parent / "pages"  # README and Makefile of the students


class Leak(Exception):
    """A file of the release would give an answer away."""


def write(course, out):
    """Write the students' tree into an empty folder; return its number of files.

    Args:
        course: a `catalog.Course`.
        out: Path, of a folder that is empty or not there.
    """
    root = course.root
    for folder in ("course", "modules"):
        for path in sorted((root / folder).rglob("*")):
            if wanted(path.relative_to(root)) and path.is_file():
                copy(path, out / path.relative_to(root))
    for name in TOP:
        copy(root / name, out / name)
    for path in PAGES.glob("*.students"):
        copy(path, out / path.name.removesuffix(".students"))
    for exercise in course.exercises:
        write_exercise(exercise, root, out)
    seen = [path for path in out.rglob("*") if path.is_file()]
    for folder in ANSWERS:
        for path in (p for p in seen if p.is_relative_to(out / folder)):
            if path.suffix in (".py", ".json", ".md"):
                check(path)
    return len(seen)


def of_grader(course, exercises):
    """Return the files that grading some exercises needs: no solutions."""
    root = course.root
    below = [p for folder in ("course", "modules") for p in (root / folder).rglob("*")]
    found = [
        path for path in below if path.is_file() and needed(path.relative_to(root))
    ]
    found += [root / name for name in TOP if name != "pyproject.toml"]
    for exercise in exercises:
        found += [exercise.test, exercise.record]
    return sorted(found)


def needed(path):
    """Return whether a file below `course` or `modules` is needed to grade."""
    hidden = any(part.startswith((".", "__pycache__")) for part in path.parts)
    return not hidden and path.suffix == ".py" and path.parts[1] not in SHOWN


def wanted(path):
    """Return whether a file below `course` or `modules` is for students."""
    hidden = any(part in LEFT_OUT or part.startswith(".") for part in path.parts)
    return not hidden and path.suffix in KINDS


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def write_exercise(exercise, root, out):
    """Write stub, record and visible checks of an exercise."""
    record = json.loads(exercise.record.read_text("utf-8"))
    hidden = [name for name, _, _, is_hidden in exercise.checks() if is_hidden]
    put(out / exercise.assignment.relative_to(root), record["stub"].encode())
    known = {n: v for n, v in record["checks"].items() if n not in hidden}
    text = json.dumps({**record, "checks": known}, ensure_ascii=False)
    put(out / exercise.record.relative_to(root), text.encode())
    checks = exercise.test.read_text("utf-8")
    put(out / exercise.test.relative_to(root), without(checks, exercise).encode())


def without(text, exercise):
    """Return an autograder without its hidden checks, which it only counts.

    Raises:
        UsageError: a visible check waits for a hidden one.
    """
    checks = exercise.checks()
    hidden = {name: worth for name, _, worth, is_hidden in checks if is_hidden}
    if not hidden:
        return text
    tree = ast.parse(text)
    for node in tree.body:
        marks = " ".join(map(ast.unparse, getattr(node, "decorator_list", ())))
        waits = [name for name in hidden if f"after='{name}'" in marks]
        if waits and node.name not in hidden:
            raise UsageError(
                f"{exercise.test}: {node.name} waits for {waits[0]}, which is hidden: "
                "let it wait for a visible check"
            )
    told = f"\nHIDDEN = ({len(hidden)}, {sum(hidden.values())})  # graded later\n"
    lines = text.splitlines(keepends=True)
    gone = {i for node in dropped(tree.body, hidden) for i in lines_of(node, lines)}
    return "".join(s for i, s in enumerate(lines, 1) if i not in gone) + told


def dropped(body, hidden):
    """Return the hidden checks of a file, with what they alone use."""
    gone = [node for node in body if getattr(node, "name", None) in hidden]
    while True:
        kept = [node for node in body if node not in gone]
        alone = [
            node
            for node in kept
            if defined(node) & used(gone)
            and not defined(node) & used(k for k in kept if k is not node)
        ]
        if not alone:
            return gone
        gone += alone


def defined(node):
    """Return the names that a statement of a file defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    return {n.id for n in names if isinstance(n.ctx, ast.Store)}


def used(nodes):
    walked = (n for node in nodes for n in ast.walk(node))
    return {n.id for n in walked if isinstance(n, ast.Name)}


def lines_of(node, lines):
    """Return the numbers of the lines of a statement, with decorators and remarks."""
    above = [d.lineno for d in getattr(node, "decorator_list", ())]
    first = min([node.lineno, *above])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return range(first, node.end_lineno + 1)


def check(path):
    """See that a file of the release gives no answer away.

    Raises:
        Leak: it does; nothing may be handed out.
    """
    text = path.read_text("utf-8")
    for mark in ("# BEGIN SOLUTION", "# WRONG ", "hidden=True"):
        if mark in text:
            raise Leak(f"{path} holds {mark}")
