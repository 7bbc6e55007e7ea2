"""The learner's commands that grade nothing: status, list, show, where, hint, reset."""

import ast
import json
import re
import shutil
import sys

from course import progress
from course.catalog import Course, docstring
from course.cli import UsageError

GRADE = "python -m course grade"


def status(options):
    """Progress over all exercises, the next file to open, the command to grade it."""
    course, known = Course(), progress.read()
    following = None
    print(f"{len(course.exercises)} exercises\n")
    for exercise in course.exercises:
        mine = known.get(exercise.name, {})
        score, most = mine.get("score"), mine.get("max_score")
        done = score is not None and score == most
        following = following or (None if done else exercise)
        reached = f"{score:g} of {most:g} points" if score is not None else "not graded"
        print(f"  {'ok' if done else '  '}  {exercise.name:<52} {reached}")
    if following is None:
        print("\nAll done.")
    else:
        print(f"\nNext:  {following.assignment.relative_to(course.root)}")
        print(f"Then:  {GRADE} {following.name}")


def list(options):
    """Chapters with their exercises and modules, in the order of the syllabus."""
    course = Course()
    for chapter in course.chapters:
        print(f"\n{chapter}")
        for exercise in course.exercises:
            if exercise.chapter == chapter:
                time = exercise.field("Time")
                print(f"  exercise  {exercise.short:<28} {exercise.title} ({time})")
        for path in sorted((course.root / "modules" / chapter).glob("*.py")):
            print(
                f"  module    {path.stem:<28} {docstring(path).partition(chr(10))[0]}"
            )


def show(options):
    """A chapter's README."""
    course = Course()
    text = course.readme(course.chapter(options.chapter)).read_text("utf-8")
    if not sys.stdout.isatty():
        print(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    with (console := Console()).pager(styles=True):
        console.print(Markdown(for_terminal(text)))


def for_terminal(text):
    """Return a page with formulas as text and answers below their questions."""
    from course import formulas

    text = re.sub(r"<details>\s*<summary>(.*?)</summary>", r"**\1**", text, flags=re.S)
    text = text.replace("</details>", "")
    block = "    {}".format
    return formulas.each(
        text, lambda f: block(formulas.as_text(f)), lambda f: f"`{formulas.as_text(f)}`"
    )


def where(options):
    """Path and first line of what matches by name or first line; then, by its text."""
    course = Course()
    word = options.word.lower().replace("-", "_")
    spoken = word.replace("_", " ")
    best = {0: [], 1: [], 2: []}
    for path in course.files():
        text = path.read_text("utf-8", errors="replace")
        first = docstring(path).partition("\n")[0] or text.partition("\n")[0].strip(
            "# "
        )
        names = re.findall(r"^(?:class|def) (\w+)", text, re.M)
        plain = first.lower().replace("-", " ")
        if word in path.stem or any(word == n.lower() for n in names):
            best[0].append((path, first))
        elif spoken in plain:
            best[1].append((path, first))
        elif spoken in text.lower().replace("-", " "):
            best[2].append((path, first))
    if not any(best.values()):
        raise UsageError(
            f"nothing here speaks of {options.word!r}; see {GRADE[:16]} list"
        )
    for path, first in best[0] + best[1]:
        print(f"{path.relative_to(course.root)}\n    {first}")
    if best[2]:
        print("\nAlso in the text of")
    for path, _ in best[2]:
        print(f"  {path.relative_to(course.root)}")


def hint(options):
    """The next hint for the function that the learner is at."""
    exercise = Course().exercise(options.exercise)
    hints = record(exercise)["hints"]
    shown = progress.read().get(exercise.name, {}).get("hints", {})
    for name in wanted_functions(exercise, hints):
        count = shown.get(name, 0)
        if count < len(hints[name]):
            print(f"{name}: {hints[name][count]}")
            left = len(hints[name]) - count - 1
            print(f"({left} more for {name})" if left else f"(the last one for {name})")
            progress.update(exercise.name, hints={**shown, name: count + 1})
            return
    print("You have seen all hints. They were:")
    for name, lines in hints.items():
        print("\n".join(f"  {name}: {line}" for line in lines))


def wanted_functions(exercise, hints):
    """Return the functions with hints: those to do first, then those that failed."""
    todo = unfinished(exercise.assignment)
    failing = progress.read().get(exercise.name, {}).get("failing", [])
    rank = {name: (name not in todo, name not in failing) for name in hints}
    return sorted(hints, key=lambda name: rank[name])


def unfinished(path):
    """Return the names of a file's functions that still raise NotImplementedError."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (OSError, ValueError, SyntaxError):
        return set()
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(
            isinstance(n, ast.Raise) and "NotImplementedError" in ast.unparse(n)
            for n in node.body
        )
    }


def record(exercise):
    """Return an exercise's record."""
    try:
        return json.loads(exercise.record.read_text("utf-8"))
    except (OSError, ValueError):
        raise UsageError(
            f"{exercise.record} is missing or broken: take it from the course again"
        ) from None


def reset(options):
    """Write the stub again; keep the old file beside it."""
    exercise = Course().exercise(options.exercise)
    stub = record(exercise)["stub"]
    path = exercise.assignment
    if path.exists() and path.read_bytes() != stub.encode():
        number = 1
        while (kept := path.with_suffix(f".py.old-{number}")).exists():
            number += 1
        shutil.move(path, kept)
        print(f"Your file is kept as {kept}")
    path.write_text(stub, "utf-8")
    progress.update(exercise.name, hints={}, failing=[])
    print(f"{path} is as it was in the beginning")
