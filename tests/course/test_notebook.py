"""Exercises as notebooks: run by a real kernel from top to bottom, graded as files."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from course import cli
from course.catalog import Course
from tests.course.terminal import copied

COURSE = Course()
EXERCISES = [exercise.name for exercise in COURSE.exercises]
NAME = "vision/classification/channel_attention"
SOLUTION = (COURSE.root / f"solutions/{NAME}.py").read_text("utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The learner's part of the course, with every exercise solved."""
    home = copied(tmp_path_factory.mktemp("home"))
    for exercise in COURSE.exercises:
        shutil.copy(exercise.solution, home / f"assignments/{exercise.name}.py")
    return home


def written(home, tmp_path, name=NAME):
    """Write an exercise of a home as a notebook and return its path."""
    out = tmp_path / "mine.ipynb"
    command = [sys.executable, "-m", "course", "notebook", name, "--out", str(out)]
    child = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert f"--submission {out}" in child.stdout
    return out


def sources(path):
    return [(c.cell_type, c.source) for c in nbformat.read(path, 4).cells]


@pytest.mark.parametrize("name", EXERCISES)
def test_nothing_is_lost_on_the_way(home, tmp_path, name, capsys, sandboxes):
    """The solution as a notebook earns what it earns as a file, in the same checks."""
    path = written(home, tmp_path, name)
    nbformat.validate(nbformat.read(path, 4))
    graded = ["grade", name, "--json", "-", "--seed", "1"]
    solution = str(COURSE.root / f"solutions/{name}.py")
    found = []
    for submission in (str(path), solution):
        assert cli.main([*graded, "--submission", submission]) == 0
        result = json.loads(capsys.readouterr().out)
        found.append([(c["name"], c["status"], c["score"]) for c in result["checks"]])
    assert found[0] == found[1]


def test_statement_is_text_and_code_is_code(tmp_path):
    path = written(COURSE.root, tmp_path)
    cells = sources(path)
    text = "\n".join(source for kind, source in cells if kind == "markdown")
    assert text.startswith("# Exercise: efficient channel attention.\n")
    assert "- Paper: Wang et al." in text and "Grade: python" not in text
    assert "## gates\n\nReturn one gate in (0, 1) per image" in text
    assert "**Args**\n\n- x: (B, H, W, C) float.\n- kernel: (k,) float, k odd." in text
    code = [source for kind, source in cells if kind == "code"]
    assert 'def gates(x, kernel):\n    """Return one gate' in "\n".join(code)
    assert code[-2:] == [f"%grade {NAME}", code[-1]]
    assert code[-1].startswith("%%when_done\nprint(")
    assert str(COURSE.root) in code[0]  # found wherever the notebook lies


def run(path, cwd):
    """Run a notebook with a real kernel in a folder; return what each cell printed."""
    book = nbformat.read(path, 4)
    client = NotebookClient(book, timeout=180, resources={"metadata": {"path": cwd}})
    client.execute()
    said = []
    for cell in book.cells:
        if cell.cell_type == "code":
            texts = [o.get("text", "") for o in cell.outputs]
            said.append("".join(t for t in texts if "cudart_stub" not in t))
    return said, book


def test_untouched_notebook_runs_to_its_end(tmp_path):
    said, _ = run(written(COURSE.root, tmp_path), tmp_path)
    assert "0 of 6 points" in said[-2]
    assert said[-1] == "This cell waits until %grade gives full marks.\n"


def test_solved_notebook_runs_to_its_end(home, tmp_path):
    path = written(home, tmp_path)
    book = nbformat.read(path, 4)
    scratch = [
        "gates  # looked at, and then something that fails\nkernel_size(",
        "class Unfinished(NoSuchName):\n    pass",
        "In = 3",
        "%grade",
        "from course.figures import panels, save\n"
        "figure, [[axis]] = panels()\nsave(figure, 'mine.png')",
    ]
    for code in scratch:
        cell = nbformat.v4.new_code_cell(code, metadata={"tags": ["raises-exception"]})
        book.cells.insert(-3, cell)
    nbformat.write(book, path)
    said, book = run(path, tmp_path)
    assert "6 of 6 points" in said[-2], said[-2]
    assert "squeeze-and-excitation (r = 16)  yours" in said[-1]
    shown = [o.data for c in book.cells for o in c.get("outputs", []) if "data" in o]
    assert any("image/png" in data for data in shown)  # inline, not only in a file
    assert (tmp_path / "mine.png").exists()


def test_set_up_in_colab(home, tmp_path):
    """Elsewhere, with course.zip uploaded: unpacked, installed, found."""
    path = written(home, tmp_path)
    away = tmp_path / "content"
    google = away / "google/colab"
    google.mkdir(parents=True)
    (google / "__init__.py").write_text("")
    shutil.copy(COURSE.root / "requirements.txt", home)
    shutil.make_archive(str(away / "course"), "zip", home)
    book = nbformat.read(path, 4)
    setup = next(c for c in book.cells if c.cell_type == "code")
    setup.source = "import google.colab\n" + setup.source.replace(str(home), "/nowhere")
    setup.source += "\nprint(found[0])"
    book.cells = [setup, book.cells[-2]]
    nbformat.write(book, path)
    said, _ = run(path, away)
    assert said[0].splitlines()[-1] == str(away / "from-zip")
    assert "points" in said[1]  # %grade is there, and finds the exercise


@pytest.mark.parametrize(
    "argv, said",
    [
        (["chanel_attention"], "did you mean vision/classification/channel_attention"),
        ([NAME, "--out", "x.txt"], "ends in .ipynb, got x.txt"),
        ([NAME, "--out", "pyproject.ipynb"], "pyproject.ipynb exists: give another"),
    ],
)
def test_wrong_usage(argv, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.ipynb").write_text("mine")
    assert cli.main(["notebook", *argv]) == 2
    assert said in capsys.readouterr().err
    assert (tmp_path / "pyproject.ipynb").read_text() == "mine"


def test_file_that_python_cannot_read(home, tmp_path, monkeypatch, capsys):
    from course import notebook

    broken = home / f"assignments/{NAME}.py"
    monkeypatch.setattr(notebook, "Course", lambda: Course(home))
    broken.write_text("def gates(:\n")
    try:
        assert cli.main(["notebook", NAME, "--out", str(tmp_path / "x.ipynb")]) == 2
        assert "line 1: " in capsys.readouterr().err
    finally:
        broken.write_text(SOLUTION)


def in_cells(text):
    from course import notebook

    return [c for _, c in notebook.cells_of(NAME, text, COURSE.root)[1:]]


def test_lines_are_those_of_python():
    """A form feed and U+2028 end no line; an else or code behind it is not lost."""
    text = 'X = "a\x0cb\u2028c"\n\n\ndef f():\n    """One\n\n    two\n    three."""\n'
    text += (
        '    return 1\n\n\nif __name__ == "__main__":\n    print(1)\nelse:\n    X = 2\n'
    )
    value, told, code, *_, last = in_cells(text)
    assert value == 'X = "a\x0cb\u2028c"\n'
    assert told.startswith("## f\n\nOne\n\ntwo\nthree.")
    assert code.strip() == 'def f():\n    """One"""\n    return 1'
    assert last.strip() == "%%when_done\nprint(1)"


@pytest.mark.parametrize("text", ["", "# only a comment\n", "x = 1"])
def test_files_of_little_content(text):
    assert f"%grade {NAME}" in in_cells(text)


@pytest.mark.parametrize(
    "content, said",
    [(b"x = '\xe9'\n", "is not UTF-8: save it"), (b"x = 1\0\n", "null bytes")],
)
def test_files_that_are_no_text(home, tmp_path, monkeypatch, capsys, content, said):
    from course import notebook

    broken = home / f"assignments/{NAME}.py"
    monkeypatch.setattr(notebook, "Course", lambda: Course(home))
    broken.write_bytes(content)
    try:
        assert cli.main(["notebook", NAME, "--out", str(tmp_path / "x.ipynb")]) == 2
        assert said in capsys.readouterr().err
    finally:
        broken.write_text(SOLUTION)


@pytest.mark.parametrize("place", ["missing/x.ipynb", "folder.ipynb"])
def test_places_that_cannot_be_written(tmp_path, capsys, place):
    (tmp_path / "folder.ipynb").mkdir()
    assert cli.main(["notebook", NAME, "--out", str(tmp_path / place)]) == 2
    assert "cannot be written (" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["folder.ipynb"]


def test_links_with_passwords_stay_out(tmp_path):
    from course import notebook

    def url(text):
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        git = ["git", "-C", tmp_path, "config", "remote.origin.url", text]
        subprocess.run(git, check=True)
        return notebook.origin(tmp_path)

    assert url("https://example.org/course.git") == "https://example.org/course.git"
    assert url("https://me:secret@example.org/course.git") == ""
    assert url("/home/me/course") == "" and os.path.isdir(tmp_path)
