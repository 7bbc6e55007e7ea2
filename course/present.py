"""How results look: plain text that reads well without colour."""

import re
import textwrap
from contextlib import contextmanager

WORDS = {
    "passed": "ok",
    "failed": "lost",
    "todo": "todo",
    "waiting": "wait",
    "crashed": "crash",
    "timeout": "late",
    "memory": "memory",
    "refused": "refused",
    "invalid": "invalid",
}
LINES = 6  # of a check's message
INDENT = " " * 18


# control characters, marks that turn the direction of writing, halves of characters
UNFIT = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean(text):
    """Remove what a terminal would obey: a submission may have written it."""
    return UNFIT.sub("�", text)


def one_line(text):
    return clean(text).replace("\n", "�").replace("\t", "�")


def sentence(text):
    return text[:1].upper() + text[1:].rstrip(".") + "."


def message(check):
    """Return the lines that a student reads below a check that was not passed."""
    first, *rest = clean(check["message"]).split("\n")
    parts = [first, *rest]
    if check["misconception"]:
        parts = [first, sentence(check["misconception"]), *rest]
    lines = [line for part in parts if part for line in textwrap.wrap(part, 88)]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], lines[LINES - 1][:80] + " …"]
    return lines


def result(found):
    """Print the result of one submission."""
    if "fault" in found:
        fault = clean(found["fault"])
        print(f"{found['exercise']}: the grader failed, not you: {fault}")
        return
    print(
        f"{found['exercise']}   {found['score']:g} of {found['max_score']:g} points\n"
    )
    said = None
    for each in found["checks"]:
        said = check(each, said)
    if withheld := found.get("withheld"):
        count, points = withheld["checks"], withheld["points"]
        noun = "check" if count == 1 else "checks"
        print(f"\n  {count} more {noun}, worth {points:g}, your instructor runs")
    if found["printed"].strip():
        print("\n  your file printed:")
        print(textwrap.indent(clean(found["printed"]).strip(), "    "))
    if found["score"] < found["max_score"]:
        print(f"\n  a hint: python -m course hint {found['exercise']}")


def check(found, said=None):
    """Print one check and why it is not passed; return the lines that say so.

    Args:
        said: what was said of the check before: one broken file has the same to say
            of every check.
    """
    points = f"{found['score']:g}/{found['points']:g}"
    print(f"  {WORDS[found['status']]:<7} {points:<6} {found['title']}")
    lines = message(found)
    if lines != said:
        for line in lines:
            print(INDENT + line)
    return lines or said


def table(results):
    """Print the results of many submissions: points, first failing check, mistake."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("student")
    shown.add_column("exercise")
    shown.add_column("points", justify="right", no_wrap=True)
    shown.add_column("first check not passed, and why", ratio=1)
    for found in results:
        who = one_line(found["student"] or found["submission"])
        name = found["exercise"].rpartition("/")[2]
        if "fault" in found:
            shown.add_row(who, name, "?", "the grader failed: " + clean(found["fault"]))
            continue
        points = f"{found['score']:g} of {found['max_score']:g}"
        shown.add_row(who, name, points, first_failure(found))
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 110
    console.print(shown)


def first_failure(found):
    for check in found["checks"]:
        if check["status"] != "passed":
            why = check["misconception"] or clean(check["message"]).partition("\n")[0]
            why = f"\n{sentence(why)}" if why else ""
            return f"{WORDS[check['status']]}: {check['title']}{why}"
    return ""


@contextmanager
def progress(total):
    """Yield a function that counts one unit as done, with a bar on a terminal."""
    from rich import progress as rich
    from rich.console import Console

    columns = (rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeRemainingColumn())
    console = Console(stderr=True)
    with rich.Progress(
        "grading", *columns, console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("grading", total=total)
        yield lambda: bar.advance(task)
