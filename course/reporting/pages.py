"""The pages of a report: the class, each exercise, and each student's feedback.

index.html                       the class: not for students
exercises/<chapter>.<name>.html  item analysis
students/<student>.html          feedback that can be sent as it is
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import jinja2
import markupsafe

from course import catalog, copies
from course.present import WORDS, clean
from course.reporting import analysis
from course.reporting.outcomes import Outcomes

UNFIT = re.compile(r'[\x00-\x1f/\\:*?"<>|]')  # not for names of files on Windows
TAKEN = "nearly all of it stands in the published solution"
TEMPLATES = Path(__file__).parent / "templates"


@dataclass
class Page:
    """A student's or exercise's file in the report, and how it is linked."""

    folder: str
    name: str

    @property
    def file(self):
        return f"{self.folder}/{self.name}.html"

    @property
    def link(self):
        return quote(self.file)


class Report(Outcomes):
    """What the pages are made from.

    Args:
        run: a `Run`.
    """

    def __init__(self, run):
        super().__init__(run)
        self.course = catalog.Course()
        self.when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")

    @cached_property
    def names(self):
        """Return {student: name}, where the learning platform told it."""
        return dict(self.run.book.execute("SELECT student, name FROM students"))

    def of(self, exercise):
        """Return the results of an exercise, a student each."""
        return [r for (_, name), r in self.results.items() if name == exercise]

    @cached_property
    def exercise_pages(self):
        names = self.grades.exercises
        return {name: Page("exercises", name.replace("/", ".")) for name in names}

    @cached_property
    def student_pages(self):
        return {name: Page("students", short(name)) for name in self.grades.students}

    @cached_property
    def misconceptions(self):
        return analysis.misconceptions(self.results)

    @cached_property
    def similar(self):
        """Return the pairs of students whose files are alike, per exercise."""
        found = {}
        known = {exercise.name: exercise for exercise in self.course.exercises}
        for name in self.grades.exercises:
            exercise = known.get(name)
            files = {
                mark.student: self.file(mark.counted).read_bytes()
                for mark in self.grades.marks.values()
                if mark.exercise == name and mark.counted
            }
            found[name] = []
            if exercise and len(files) > 1:
                baseline = copies.baseline(exercise, self.course.root)
                found[name] = copies.pairs(name, files, baseline)
        return found

    @cached_property
    def from_solution(self):
        """Return the (student, exercise) whose file is the published solution."""
        known = {exercise.name: exercise for exercise in self.course.exercises}
        return [
            who
            for who, mark in self.grades.marks.items()
            if mark.counted
            and who[1] in known
            and copies.is_solution(
                known[who[1]], self.file(mark.counted).read_bytes(), self.course.root
            )
        ]

    @cached_property
    def open_cases(self):
        """Return (mark, why) of what a human must look at."""
        said = {
            "fault": "the grader failed on it",
            "unsure": "a time-out is not confirmed yet: run grade-all again",
            "waiting": "not graded yet: run grade-all again",
        }
        marks = self.grades.marks.values()
        found = [(mark, said[mark.state]) for mark in marks if mark.state in said]
        found += [(mark, why) for mark in marks if (why := self.doubt(mark))]
        return found + [(self.grades.marks[who], TAKEN) for who in self.from_solution]

    def doubt(self, mark):
        """Return why a mark's days late are not certain, or None."""
        attempt = mark.counted
        if not attempt:
            return None
        if attempt.late and not attempt.days_late:
            return "late as the platform says, but not by the policy: see override"
        if mark.exercise in self.grades.policy.due and not attempt.time:
            return "when it was handed in is not known: not late"
        return None

    def file(self, attempt):
        """Return the Path of what was handed in."""
        return self.run.file(attempt.sha256, Path(attempt.file).suffix)

    def left_out(self):
        rows = self.run.book.execute("SELECT line FROM left_out ORDER BY line")
        return [line for (line,) in rows]

    def histogram(self, exercise=None):
        """Return the counts of tenths of an exercise's points, or of the totals."""
        if exercise:
            marks = [m for m in self.grades.marks.values() if m.exercise == exercise]
            pairs = [(m.points, m.max_score) for m in marks if m.points is not None]
        else:
            pairs = [self.grades.total(student) for student in self.grades.students]
        return analysis.histogram([p / most for p, most in pairs if most])

    def summary(self, exercise):
        marks = [m for m in self.grades.marks.values() if m.exercise == exercise]
        return analysis.summary([m.points for m in marks if m.points is not None])


def environment():
    """Return Jinja with everything escaped, whoever wrote it."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    found = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    found.filters |= {"points": points, "percent": percent}
    found.filters["word"] = {**WORDS, "timeout": "out of time"}.get
    found.filters |= {"path": path}
    return found


def short(name):
    """Return a name that a file can have, on every system."""
    if len(name.encode()) <= 200 and not UNFIT.search(name) and name[0] != ".":
        return name
    return hashlib.sha256(name.encode()).hexdigest()


def points(value):
    return "–" if value is None else f"{round(value, 2):g}"


def path(name):
    """Return the name of an exercise, with places where a line may break."""
    shown = str(markupsafe.escape(name))
    return markupsafe.Markup(re.sub("([/_])", r"\1<wbr>", shown))


def percent(value):
    return f"{100 * value:.0f} %"


def pages(report):
    """Yield (path, HTML) of every page."""
    jinja = environment()
    index, one, student = map(
        jinja.get_template, ("index.html", "exercise.html", "student.html")
    )
    yield "index.html", index.render(report=report, top="")
    for name, page in report.exercise_pages.items():
        items = analysis.items(report.of(name))
        yield page.file, one.render(report=report, name=name, items=items, top="../")
    for name, page in report.student_pages.items():
        yield page.file, student.render(report=report, name=name, top="../")
