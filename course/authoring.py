"""What authors need: stubs and records made from solutions, and mistakes tried out."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from course import diagnosis, judge, judging, stubs
from course.grading import difference


@dataclass
class Trial:
    """What became of one mistake of a solution."""

    mutant: stubs.Mutant
    checks: list

    @property
    def lost(self):
        return any(c.status != "passed" for c in self.checks)

    def named(self, record):
        """Return whether a student who made this mistake is told so."""
        told = [
            diagnosis.match(c, record["checks"][c.name])
            for c in self.checks
            if c.status == "failed"
        ]
        return self.mutant.why in told


def examined(exercise, text, sandboxes, frugal=False):
    """Return the checks of a submission given as text."""
    submission = (f"{exercise.short}.py", text.encode())
    opener = judging.opener(sandboxes)
    examination = judge.Examination(exercise, submission, judge.PUBLIC_SEED, opener)
    return examination.run(frugal=frugal)


def generate(exercise, sandboxes):
    """Return (stub, record, trials) of an exercise.

    Raises:
        stubs.MarkError: the solution's marks are wrong.
        ValueError: the solution does not earn full marks.
    """
    source = stubs.read(exercise.solution)
    text = exercise.solution.read_text("utf-8")
    right = examined(exercise, text, sandboxes)
    for check in right:
        if check.status != "passed":
            raise ValueError(f"{exercise.solution}: {check.name}: {check.message}")

    def attempt(mutant):
        # a mistake that a part has shown needs no training run to be known by
        return Trial(mutant, examined(exercise, mutant.text, sandboxes, frugal=True))

    with ThreadPoolExecutor(2) as pool:
        trials = list(pool.map(attempt, source.mutants))
    checks = {}
    for number, check in enumerate(right):
        wrong = [(t.mutant.why, t.checks[number]) for t in trials]
        checks[check.name] = diagnosis.record(check, wrong)
    record = {"stub": source.stub, "hints": source.hints, "checks": checks}
    return source.stub, record, trials


def record_text(record):
    """Return a record as it is committed: one check's mistake a line."""
    lines = [f'"stub": {json.dumps(record["stub"])}']
    lines.append(f'"hints": {json.dumps(record["hints"], indent=1)}')
    checks = []
    for name, check in record["checks"].items():
        wrong = ",\n".join(json.dumps(w) for w in check["wrong"])
        right = json.dumps(check["right"])
        checks.append(f'"{name}": {{"right": {right},\n"wrong": [{wrong}]}}')
    lines.append('"checks": {' + ",\n".join(checks) + "}")
    return "{" + ",\n".join(lines) + "}\n"


def same_record(a, b):
    """Return whether two records agree: text exactly, numbers within float noise."""
    if a is None or (a["stub"], a["hints"]) != (b["stub"], b["hints"]):
        return False
    if list(a["checks"]) != list(b["checks"]):
        return False
    for mine, theirs in zip(a["checks"].values(), b["checks"].values(), strict=True):
        if not diagnosis.agree(mine["right"], theirs["right"]):
            return False
        if [w["why"] for w in mine["wrong"]] != [w["why"] for w in theirs["wrong"]]:
            return False
        if difference(*([w["at"] for w in r["wrong"]] for r in (mine, theirs))):
            return False
        values = [[w["value"] for w in r["wrong"]] for r in (mine, theirs)]
        if not diagnosis.agree(*values):
            return False
    return True


def write(exercise, stub, record):
    """Write the learner's file and the record."""
    exercise.record.parent.mkdir(parents=True, exist_ok=True)
    exercise.assignment.write_text(stub, "utf-8")
    exercise.record.write_text(record_text(record), "utf-8")
