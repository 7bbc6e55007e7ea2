"""What the course holds. The file system is the registry; nothing is imported."""

import ast
import difflib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\(([^)#\s]+)")


class NotFound(Exception):
    """There is no exercise or chapter of that name; says what comes close."""


@dataclass(frozen=True)
class Exercise:
    """One exercise and the files that belong to it."""

    root: Path
    name: str  # vision/classification/channel_attention

    @property
    def chapter(self):
        return self.name.rpartition("/")[0]

    @property
    def short(self):
        return self.name.rpartition("/")[2]

    @property
    def assignment(self):
        return self.root / "assignments" / f"{self.name}.py"

    @property
    def solution(self):
        return self.root / "solutions" / f"{self.name}.py"

    @property
    def test(self):
        return self.root / "tests/assignments" / self.chapter / f"test_{self.short}.py"

    @property
    def alternatives(self):
        folder = self.test.parent / "alternatives"
        pattern = re.compile(rf"{re.escape(self.short)}_\d+\.py")
        return sorted(p for p in folder.glob("*.py") if pattern.fullmatch(p.name))

    @property
    def record(self):
        folder = self.root / "assignments" / self.chapter / ".course"
        return folder / f"{self.short}.json"

    @cached_property
    def header(self):
        """The docstring of the learner's file: what is asked, time, needs."""
        if self.assignment.exists():
            return docstring(self.assignment)
        return opening(json.loads(self.record.read_text("utf-8"))["stub"])

    @property
    def title(self):
        return self.header.split("\n")[0].removeprefix("Exercise: ").rstrip(".")

    def field(self, name):
        """Return a line of the header, such as Time, without its name."""
        found = re.search(rf"^{name}:\s*(.*)$", self.header, re.M)
        return found[1] if found else ""

    def data(self):
        """Return the names of the data sets that the autograder says it needs."""
        for node in ast.parse(self.test.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DATA":
                return ast.literal_eval(node.value)
        return ()

    def checks(self):
        """Return (name, title, points, hidden) of the autograder's checks."""
        found = []
        for node in ast.parse(self.test.read_text("utf-8")).body:
            for mark in getattr(node, "decorator_list", []):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "points":
                    names = ("worth", "after", "hidden", "seconds")
                    values = dict(zip(names, mark.args, strict=False))
                    values |= {k.arg: k.value for k in mark.keywords}
                    worth = ast.literal_eval(values["worth"])
                    hidden = "hidden" in values and ast.literal_eval(values["hidden"])
                    title = (ast.get_docstring(node) or "").split("\n")[0]
                    found.append((node.name, title, float(worth), hidden))
        return found


class Course:
    """The tree of the course below a root folder."""

    def __init__(self, root=ROOT):
        self.root = Path(root).resolve()

    @cached_property
    def chapters(self):
        """Chapters that have a README, in the order of the syllabus's links."""
        units = self.root / "course/units"
        present = [
            p.parent.relative_to(units).as_posix() for p in units.rglob("README.md")
        ]
        linked = [
            link.removeprefix("units/").removesuffix("/README.md")
            for link in links(self.root / "course/README.md")
        ]
        return in_order(present, linked)

    @cached_property
    def exercises(self):
        """All exercises, in the order of the links of their chapters' READMEs."""
        folder = self.root / "assignments"
        files = [*folder.rglob("*.py")]  # and those that the learner has deleted
        files += [p.parents[1] / p.name for p in folder.rglob(".course/*.json")]
        present = {p.relative_to(folder).with_suffix("").as_posix() for p in files}
        ordered = []
        for chapter in self.chapters:
            mine = [n for n in present if n.rpartition("/")[0] == chapter]
            order = [Path(link).stem for link in links(self.readme(chapter))]
            short = in_order([n.rpartition("/")[2] for n in mine], order)
            ordered += [f"{chapter}/{name}" for name in short]
        ordered += sorted(present - set(ordered))
        return [Exercise(self.root, name) for name in ordered]

    @cached_property
    def renamed(self):
        """Former names of exercises, as their headers give them after `Formerly:`."""
        return {
            old: exercise.name
            for exercise in self.exercises
            for old in exercise.field("Formerly").replace(",", " ").split()
        }

    def sources(self, names=()):
        """Return the exercises that have a solution, all or by name."""
        folder = self.root / "solutions"
        found = [
            Exercise(self.root, p.relative_to(folder).with_suffix("").as_posix())
            for p in sorted(folder.rglob("*.py"))
        ]
        if names:
            wanted = [self._normal(n, "solutions") for n in names]
            found = [e for e in found if e.name in wanted or e.short in wanted]
        return found

    def readme(self, chapter):
        return self.root / "course/units" / chapter / "README.md"

    def exercise(self, name):
        """Return an exercise by its name, its last part, or a path to its file.

        Raises:
            NotFound: there is none; says which name comes close.
        """
        known = [e.name for e in self.exercises]
        wanted = self._normal(name, "assignments")
        wanted = self.renamed.get(wanted, wanted)
        matching = [n for n in known if n == wanted] or [
            n for n in known if n.endswith(f"/{wanted}")
        ]
        if len(matching) == 1:
            return Exercise(self.root, matching[0])
        if matching:
            raise NotFound(f"{name} is the name of {' and '.join(matching)}: say which")
        raise NotFound(f"there is no exercise {name}{near(wanted, known)}")

    def chapter(self, name):
        """Return a chapter's name, by its name or its last part."""
        wanted = self._normal(name, "course/units")
        for matching in (
            [c for c in self.chapters if c == wanted],
            [c for c in self.chapters if c.endswith(f"/{wanted}")],
            [c for c in self.chapters if c.startswith(f"{wanted}/")],
        ):
            if len(matching) == 1:
                return matching[0]
            if matching:
                raise NotFound(f"{name} has {', '.join(matching)}: say which")
        if wanted.rpartition("/")[2].replace("_", " ") in self.planned:
            raise NotFound(f"the chapter {name} is planned and not yet here")
        raise NotFound(f"there is no chapter {name}{near(wanted, self.chapters)}")

    @property
    def planned(self):
        """Words of the syllabus's table of units: some chapters are only announced."""
        text = (self.root / "course/README.md").read_text("utf-8")
        table = re.findall(r"^\| (\w+) \| (.*) \|$", text, re.M)
        return {word for row in table for cell in row for word in cell.split(" · ")}

    @cached_property
    def demos(self):
        """Names of all demos, such as vision/classification/residual_depth."""
        folder = self.root / "course/units"
        return [
            f"{chapter}/{path.stem}"
            for chapter in self.chapters
            for path in sorted((folder / chapter / "demos").glob("*.py"))
        ]

    def demo(self, name):
        """Return the file of a demo, by its name, the last part of it, or a path."""
        wanted = self._normal(name, "course/units").replace("/demos/", "/")
        matching = [d for d in self.demos if f"/{d}".endswith(f"/{wanted}")]
        if len(matching) != 1:
            advice = near(wanted, self.demos, "python -m course demo")
            raise NotFound(f"there is no demo {name}{advice}")
        chapter, _, stem = matching[0].rpartition("/")
        return self.root / "course/units" / chapter / "demos" / f"{stem}.py"

    def _normal(self, name, folder):
        path = Path(name)
        base = self.root / folder
        if path.resolve().is_relative_to(base):
            path = path.resolve().relative_to(base)
        return (path.with_suffix("") if path.name else path).as_posix().strip("/")

    def files(self):
        """Yield the source files and READMEs that a reader may look for."""
        for pattern in ("modules/**/*.py", "assignments/**/*.py"):
            yield from sorted(self.root.glob(pattern))
        yield from sorted(self.root.glob("course/units/**/README.md"))


def near(wanted, known, command="python -m course list"):
    """Return a hint at the closest known name, or which command lists all."""
    last = squeezed(wanted.rpartition("/")[2])
    close = difflib.get_close_matches(wanted, known, 1, 0.6) or [
        n
        for n in known
        if last in squeezed(n)
        or difflib.get_close_matches(last, [squeezed(n.rpartition("/")[2])], 1, 0.7)
    ]
    return f"; did you mean {close[0]}?" if close else f": see {command}"


def squeezed(name):
    return name.replace("_", "").replace("-", "").lower()


def links(path):
    """Return the targets of a Markdown file's links to other files, in order."""
    return LINK.findall(path.read_text("utf-8")) if path.exists() else []


def in_order(names, order):
    """Sort names by their first place in `order`; the others follow by alphabet."""
    place = {name: index for index, name in reversed(list(enumerate(order)))}
    return sorted(names, key=lambda name: (place.get(name, len(place)), name))


def docstring(path):
    """Return the docstring at the top of a file."""
    return opening(path.read_text("utf-8", errors="replace"))


def opening(text):
    """Return the docstring at the top of a source, without parsing the rest."""
    found = re.match(r'\s*(?:#[^\n]*\n\s*)*"""(.*?)"""', text, re.S)
    return found[1].strip() if found else ""
