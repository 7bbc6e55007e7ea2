"""The rules of the house, executed. Each breach says what to do."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from course import stubs
from course.catalog import links

SKELETON = (
    "Before you start",
    "Goals",
    "Often mis-stated",
    "Comparison",
    "Questions",
    "What lies beyond",
)
STANDARD = set(sys.stdlib_module_names)
MAY_IMPORT = {  # folder: what its files may import beside the standard library
    "modules": ("keras", "numpy", "modules", "tensorflow"),
    "solutions": ("modules", "course.data.load", "keras", "numpy"),
    "assignments": ("modules", "course.data.load", "keras", "numpy"),
    "tests/assignments": ("course.grading", "numpy"),
    "course/units": (
        *("modules", "course.data.load", "course.figures", "course.bar"),
        *("matplotlib", "keras", "numpy", "tensorflow"),
    ),
}
FILE_LINES, FUNCTION_LINES = 200, 25


def python_files(course, *folders):
    for folder in folders:
        yield from sorted((course.root / folder).rglob("*.py"))


def relative(course, path):
    return path.relative_to(course.root).as_posix()


def parsed(path):
    return ast.parse(path.read_text("utf-8"), str(path))


def has_tests(course):
    """2. Every file has its test; no test, stub, demo or figure is an orphan."""
    for path in python_files(course, "modules", "solutions"):
        name = relative(course, path)
        folder = "assignments" if name.startswith("solutions") else "modules"
        inner = path.relative_to(course.root / name.split("/")[0])
        test = Path("tests", folder, inner.parent, f"test_{inner.name}")
        if not (course.root / test).exists():
            yield f"{name} has no test: write {test}"
    for path in python_files(course, "tests/modules", "tests/assignments"):
        name = path.relative_to(course.root / "tests")
        if path.name.startswith("test_"):
            top = "solutions" if name.parts[0] == "assignments" else "modules"
            inner = Path(*name.parts[1:-1], path.name.removeprefix("test_"))
            if not (course.root / top / inner).exists():
                yield f"tests/{name} tests nothing: there is no {top}/{inner}"
    sources = {e.name for e in course.sources()}
    for exercise in course.exercises:
        if exercise.name not in sources:
            yield f"assignments/{exercise.name}.py has no solution: remove it"


def orphans(course):
    """2. Every figure is shown by its chapter, and made by a demo of the same name."""
    for readme in course.root.glob("course/units/**/README.md"):
        folder = readme.parent
        shown = {Path(link).name for link in links(readme)}
        made = {p.stem for p in folder.glob("demos/*.py")}
        for figure in sorted(folder.glob("figures/*")):
            name = relative(course, figure)
            if figure.name not in shown:
                yield f"{name} is not shown: link it from {relative(course, readme)}"
            if figure.stem not in made:
                yield f"{name} has no demo: write {folder.name}/demos/{figure.stem}.py"
        for stem in sorted(made - {p.stem for p in folder.glob("figures/*")}):
            yield f"{relative(course, folder)}/demos/{stem}.py has no figure: run it"


def headers(course):
    """3. A module says what it does and whence it is; classes say their contract."""
    packages = defaultdict(list)
    for path in python_files(course, "modules"):
        name = relative(course, path)
        tree = parsed(path)
        text = ast.get_docstring(tree) or ""
        first = text.partition("\n")[0]
        if not first.endswith("."):
            yield f"{name}: the first line must be one sentence, not {first!r}"
        sourced = re.search(r"^Paper:.*^Link:", text, re.M | re.S)
        if not (sourced or re.search(r"^Source:", text, re.M)):
            yield f"{name}: name its Paper: and Link:, or its Source:"
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from class_headers(name, node)
                for mark in node.decorator_list:
                    if "register_keras_serializable" in ast.unparse(mark):
                        packages[ast.unparse(mark), node.name].append(name)
                        chapter = name.removeprefix("modules/").rpartition("/")[0]
                        if chapter not in ast.unparse(mark):
                            yield f"{name}: register {node.name} in package {chapter!r}"
    for (_, cls), names in packages.items():
        if len(names) > 1:
            yield f"{cls} is registered twice, in {' and '.join(names)}: rename one"


def class_headers(name, node):
    text = ast.get_docstring(node) or ""
    is_layer = any("Layer" in ast.unparse(base) for base in node.bases)
    wanted = ["Args:", "Shapes:"] if is_layer else ["Args:"]
    arguments = next(
        (f for f in node.body if getattr(f, "name", "") == "__init__"), None
    )
    for section in wanted:
        if section == "Args:" and arguments is None:
            continue
        if section not in text:
            yield f"{name}: the docstring of {node.name} has no {section}"


def exercise_headers(course):
    """3. An exercise says its time, its needs, and the command that grades it."""
    for exercise in course.exercises:
        for field in ("Time", "Needs", "Grade"):
            if not exercise.field(field):
                yield f"assignments/{exercise.name}.py: the header has no {field}:"
        hints = stubs.read(exercise.solution).hints.values()
        if sum(map(len, hints)) < 3:
            yield f"solutions/{exercise.name}.py: give three HINTs or more"
        if exercise.name not in exercise.field("Grade"):
            yield f"assignments/{exercise.name}.py: Grade: names another exercise"


def readmes(course):
    """4. Links lead somewhere; all modules and exercises are linked; skeletons hold."""
    folders = ("*.md", "course/*.md", "course/units/**/*.md", "course/data/*.md")
    for path in sorted(p for pattern in folders for p in course.root.glob(pattern)):
        for link in links(path):
            if (
                not re.match(r"https?:|mailto:", link)
                and not (path.parent / link).exists()
            ):
                yield f"{relative(course, path)}: the link {link} leads nowhere"
    for chapter in course.chapters:
        readme = course.readme(chapter)
        text = readme.read_text("utf-8")
        linked = {(readme.parent / link).resolve() for link in links(readme)}
        for title in SKELETON:
            if f"\n## {title}\n" not in text:
                yield f"{relative(course, readme)}: there is no section '## {title}'"
        for alt, target in re.findall(r"!\[(.*?)\]\((.*?)\)", text):
            if len(alt) < 15:
                yield f"{relative(course, readme)}: {target} needs an alternative text"
        for top in ("modules", "assignments"):
            for path in python_files(course, f"{top}/{chapter}"):
                if path.parent == course.root / top / chapter and path not in linked:
                    here = relative(course, readme)
                    yield f"{here} does not link {relative(course, path)}"
    for top in ("modules", "solutions"):
        for path in python_files(course, top):
            chapter = path.parent.relative_to(course.root / top).as_posix()
            if chapter not in course.chapters:
                name = relative(course, path)
                yield f"{name}: chapter {chapter} has no linked README"


def imports(course):
    """5. Imports flow one way."""
    for folder, allowed in MAY_IMPORT.items():
        for path in python_files(course, folder):
            if path.parent.name == "alternatives" or path.name == "conftest.py":
                continue
            lines = path.read_text("utf-8").splitlines()
            for line, name in imported(parsed(path)):
                fine = name.split(".")[0] in STANDARD or any(
                    name == a or name.startswith(f"{a}.") for a in allowed
                )
                where = f"{relative(course, path)}:{line}"
                if not fine:
                    yield f"{where} imports {name}; {folder} may import {allowed}"
                elif folder == "modules" and name.startswith("tensorflow"):
                    if "#" not in lines[line - 1]:
                        yield f"{where}: say in a comment why keras.ops is not enough"


def imported(tree, top_only=False):
    """Yield (line, dotted name) of imports; names from packages count as modules."""
    nodes = tree.body if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = node.module in ("course", "course.data", "course.sandbox")
            for a in node.names[: None if package else 1]:
                yield node.lineno, f"{node.module}.{a.name}" if package else node.module


def tools(course):
    """5. The tools import neither modules nor, when they start, anything heavy."""
    for path in python_files(course, "course"):
        name = relative(course, path)
        if name.startswith(("course/units", "course/samples")):
            continue
        for line, imports_ in imported(parsed(path)):
            if imports_.split(".")[0] in ("modules", "solutions", "assignments"):
                yield f"{name}:{line} imports {imports_}: the tools never do"
    for path in python_files(course, "course", "modules"):
        if path.name == "__init__.py":
            body = parsed(path).body
            if len(body) > 1 or (body and not isinstance(body[0], ast.Expr)):
                name = relative(course, path)
                yield f"{name} has code: the file system is the registry"


def light_start(course):
    """5. These commands start without TensorFlow, Keras or NumPy."""
    for command in ("list", "where norm", "hint --help", ""):
        code = (
            "import sys\nfrom course.cli import main\n"
            f"main({command.split()!r})\n"
            "heavy = {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\n"
            "sys.exit(f'imports {heavy}' if heavy else 0)"
        )
        run = subprocess.run(
            [sys.executable, "-c", code],
            cwd=course.root,
            capture_output=True,
            text=True,
        )
        if run.returncode:
            said = run.stderr.strip()[-200:]
            yield f"'course {command}' does not start light: {said}"


def style(course):
    """6. Ruff finds nothing, and would format nothing."""
    for arguments in (["check", "--output-format=concise"], ["format", "--check"]):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "."],
            cwd=course.root,
            capture_output=True,
            text=True,
        )
        if run.returncode:
            yield from (f"ruff: {line}" for line in run.stdout.splitlines()[:20])
            yield from run.stderr.splitlines()[:3]


def sizes(course):
    """7. Files and functions stay small."""
    for path in python_files(course, "modules"):
        name = relative(course, path)
        lines = len(path.read_text("utf-8").splitlines())
        if lines > FILE_LINES:
            yield f"{name} has {lines} lines: split it at its second idea"
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef):
                text = node.body[0] if ast.get_docstring(node) else None
                said = text.end_lineno - text.lineno + 1 if text else 0
                length = node.end_lineno - node.lineno + 1 - said
                if length > FUNCTION_LINES:
                    at = f"{name}:{node.lineno}"
                    yield f"{at} {node.name} has {length} lines: split it"


def examples(course):
    """3 and 4. Doctests and the snippets of READMEs run."""
    run = subprocess.run(
        [sys.executable, "-m", "course.examples"],
        cwd=course.root,
        capture_output=True,
        text=True,
    )
    yield from run.stdout.splitlines()
    if run.returncode not in (0, 1):
        yield f"the examples could not be run: {run.stderr[-300:]}"


def exercises(course):
    """1. Stubs, records, solutions, alternatives, mistakes, null submissions."""
    from course import exercise_rules
    from course.sandbox import client

    sandboxes = client.warm()
    for exercise in course.sources():
        yield from exercise_rules.breaches(exercise, sandboxes)


RULES = (
    has_tests,
    orphans,
    headers,
    exercise_headers,
    readmes,
    imports,
    tools,
    light_start,
    style,
    sizes,
    examples,
    exercises,
)
SLOW = (examples, exercises)
