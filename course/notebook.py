"""The command `notebook`: an exercise as a notebook that Jupyter and Colab open."""

import ast
import json
import os
import re
import subprocess
from pathlib import Path

from course.catalog import Course
from course.cli import UsageError
from course.sandbox.source import lines

SETUP = """\
# Run this first: it finds the course, or in Colab fetches it.
import subprocess
import sys
from pathlib import Path

REPOSITORY = {repository!r}  # where Colab gets the course; or upload course.zip
here = Path.cwd()
if Path("course.zip").exists():
    subprocess.run(["unzip", "-qo", "course.zip", "-d", "from-zip"], check=True)
elif REPOSITORY and "google.colab" in sys.modules:
    subprocess.run(["git", "clone", "-q", "--depth=1", REPOSITORY])
places = [here, *here.parents, *here.glob("*"), *here.glob("*/*"), Path({root!r})]
found = [place for place in places if (place / "course/magics.py").exists()]
if not found:
    raise FileNotFoundError("upload the course as course.zip beside this notebook")
if "google.colab" in sys.modules:
    needs = ["install", "-q", "-r", found[0] / "requirements.txt"]
    subprocess.run([sys.executable, "-m", "pip", *needs], check=True)
sys.path.insert(0, str(found[0]))
%load_ext course.magics
"""
SECTION = re.compile(r"^(Args|Returns|Raises):\n((?: {4}.*\n?|\n)+)", re.M)


def notebook(options):
    """Write the learner's file as a notebook, and say what to do with it."""
    course = Course()
    exercise = course.exercise(options.exercise)
    out = Path(options.out or f"{exercise.short}.ipynb")
    if out.suffix != ".ipynb":
        raise UsageError(f"--out takes a name that ends in .ipynb, got {out}")
    if not exercise.assignment.exists():
        raise UsageError(
            f"{exercise.assignment} is gone: python -m course reset {exercise.name}"
        )
    cells = cells_of(exercise.name, source(exercise.assignment), course.root)
    content = json.dumps(document(cells), indent=1, ensure_ascii=False) + "\n"
    write(out, content.encode())
    print(f"{out}\nOpen it in Jupyter or Colab; hand it in as it is, or grade it with")
    print(f"python -m course grade {exercise.name} --submission {out}")
    print("How Colab gets the course: course/instructors.md, Notebooks")


def source(path):
    """Return the text of a file that Python can read, its lines ended by newlines."""
    try:
        text = "\n".join(lines(path.read_text("utf-8")))
        ast.parse(text)
        return text
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8: save it as UTF-8") from None
    except (SyntaxError, ValueError) as e:
        line = f", line {e.lineno}" if getattr(e, "lineno", None) else ""
        raise UsageError(f"{path}{line}: {e.args[0]}: mend it first") from None


def write(out, content):
    """Write a file whole or not at all, and never over another one."""
    try:
        if out.exists() and out.read_bytes() != content:
            raise UsageError(f"{out} exists: give another --out, or remove it")
        fresh = out.with_suffix(f".{os.getpid()}")
        try:
            fresh.write_bytes(content)
            fresh.replace(out)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as e:
        raise UsageError(f"{out} cannot be written ({e.strerror})") from None


def document(cells):
    """Return a notebook of format 4.5 as plain data."""
    made = []
    for number, (kind, text) in enumerate(cells):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        made.append(cell | {"source": text.strip("\n")})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def cells_of(name, text, root):
    """Return (kind, source) of the cells that an exercise's file becomes."""
    rows = [row + "\n" for row in lines(text)]
    body = ast.parse(text).body
    setup = SETUP.format(repository=origin(root), root=str(root))
    cells, at = [("code", setup)], 0
    if body and is_docstring(body[0]):
        cells.insert(0, ("markdown", statement(body[0].value.value)))
        at = body.pop(0).end_lineno
    last, loose = [], ""
    for node in body:
        code = "".join(rows[at : node.end_lineno])
        at = node.end_lineno
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            cells += [("code", loose), *definition(node, code)]
            loose = ""
        elif is_main(node):
            last.append(("code", "%%when_done\n" + main_body(node, rows)))
        else:
            loose += code
    cells += [("code", loose), ("markdown", GRADE), ("code", f"%grade {name}"), *last]
    return [(kind, text) for kind, text in cells if text.strip()]


GRADE = """\
## Grade

Run the cells above, then this one, as often as you like. What counts is what the cells
defined last; saving the notebook is not needed.
"""


def definition(node, code):
    """Return the cells of a function or class: its statement as text, then its code."""
    first = node.body[0]
    if not is_docstring(first) or "\n" not in first.value.value:
        return [("code", code)]
    told = ast.get_docstring(node)
    rows = [row + "\n" for row in lines(code)]
    # the docstring's place in `code`, whose last line is the node's
    skipped = node.end_lineno - (len(rows) - 1)
    begin, stop = first.lineno - 1 - skipped, first.end_lineno - skipped
    indent = " " * first.col_offset
    rows[begin:stop] = [f'{indent}"""{told.splitlines()[0]}"""\n']
    text = f"## {node.name}\n\n{markdown(told)}"
    return [("markdown", text), ("code", "".join(rows))]


def statement(text):
    """Return the header of an exercise as Markdown."""
    title, _, rest = text.strip().partition("\n")
    rest = re.sub(r"^Grade:.*\n?", "", rest, flags=re.M)
    rest = re.sub(r"^python -m course demo \S*", "run the last cell.", rest, flags=re.M)
    fields = re.compile(r"^(Paper|Link|See|Needs|Time|Source):\s+(.*)", re.M)
    return f"# {title}\n" + fields.sub(r"- \1: \2", rest)


def markdown(text):
    """Return a docstring as Markdown: its sections become lists."""

    def as_list(found):
        items = re.sub(r"^ {4}(?! )", "- ", found[2], flags=re.M)
        return f"**{found[1]}**\n\n" + re.sub(r"^ {8}", "  ", items, flags=re.M)

    return SECTION.sub(as_list, text + "\n")


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(
        getattr(node.value, "value", None), str
    )


def is_main(node):
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)


def main_body(node, rows):
    """Return the lines of `if __name__ == "__main__":`, less their indentation."""
    kept = rows[node.body[0].lineno - 1 : node.body[-1].end_lineno]
    indent = node.body[0].col_offset
    return "".join(line[indent:] if line.strip() else "\n" for line in kept)


def origin(root):
    """Return where this copy of the course was cloned from, or an empty text."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        found = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    url = found.stdout.strip()
    return url if url.startswith("https://") and "@" not in url else ""
