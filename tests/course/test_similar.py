"""Near-copies: what is seen through, and who is left in peace."""

import json
import random
import re
import time

import pytest

from course import cli, copies
from course.catalog import ROOT, Course

COURSE = Course()
EXERCISES = [e for e in COURSE.exercises if len(e.alternatives) >= 2]


def disguised(text):
    """Rename local variables, shuffle functions, add remarks, change the layout."""
    names = sorted(set(re.findall(r"^    (\w+) =", text, re.M)))
    for number, name in enumerate(names):
        text = re.sub(rf"\b{name}\b", f"my_{number}", text)
    head, *parts = re.split(r"(?m)^(?=def |class )", text)
    random.Random(0).shuffle(parts)
    text = head + "".join(parts)
    text = re.sub(r'"""(?s:.)*?"""', '"""In my own words."""', text)
    return text.replace("\n    return", "\n\n    # here it comes\n    return")


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.short)
def test_a_disguised_copy_is_seen_and_honest_work_is_not(exercise):
    files = {path.stem: path.read_bytes() for path in exercise.alternatives}
    original = exercise.alternatives[0]
    files["copy"] = disguised(original.read_text("utf-8")).encode()
    known = copies.baseline(exercise, COURSE.root)
    found = copies.pairs(exercise.name, files, known, least=0.2)
    assert [{p.first, p.second} for p in found] == [{"copy", original.stem}]
    assert found[0].alike > 0.8 and not found[0].same_bytes


def test_what_everybody_has_is_nobodys_own():
    """Stub and solution say nothing, nor does what much of a class has written."""
    exercise = EXERCISES[0]
    solved = exercise.solution.read_text("utf-8")
    known = copies.baseline(exercise, COURSE.root)
    files = {f"s{n}": f"{solved}\n# {n}".encode() for n in range(5)}
    assert copies.pairs(exercise.name, files, known) == []
    text = exercise.alternatives[0].read_text("utf-8")
    crowd = {f"s{n}": f"{text}\n# {n}".encode() for n in range(60)}
    assert copies.pairs(exercise.name, crowd, known) == []
    ring = dict(list(crowd.items())[:6])
    assert len(copies.pairs(exercise.name, ring, known)) == 15


def test_a_notebook_is_its_code():
    text = EXERCISES[0].alternatives[0].read_text("utf-8")
    cells = [{"cell_type": "code", "source": text.splitlines(keepends=True)}]
    cells.append({"cell_type": "markdown", "source": "Ich war's nicht."})
    notebook = json.dumps({"cells": cells}).encode()
    assert copies.text_of(notebook) == text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"'''",
        b"(" * 99999,
        b'{"cells": 3}',
        b"{" * 99999,
        b"x = 1\n  y",
        b"\0",
        b"a" * (2 << 20),
    ],
)
def test_files_that_cannot_be_read_are_alike_to_nobody(content):
    text = EXERCISES[0].alternatives[0].read_bytes()
    files = {"eve": content, "eva": content + b" ", "ann": text}
    assert copies.pairs("x", files, set()) == []


def renamed(text):
    """Give local variables the names of builtins, and imports other names."""
    names = sorted(set(re.findall(r"^    (\w+) =", text, re.M)))
    for name, other in zip(
        names, ["id", "vars", "iter", "hash", "dir"] * 9, strict=False
    ):
        text = re.sub(rf"\b{name}\b", other, text)
    text = text.replace("import numpy as np", "import numpy as n")
    text = re.sub(r"\bnp\.", "n.", text)
    text = text.replace("from keras import ops", "from keras import ops as o")
    return re.sub(r"\bops\.", "o.", text)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.short)
def test_names_and_ends_of_lines_hide_nothing(exercise):
    known = copies.baseline(exercise, COURSE.root)
    text, other = (p.read_text("utf-8") for p in exercise.alternatives[:2])
    files = {"ann": text, "bo": renamed(text), "chi": text.replace("\n", "\r")}
    files["dan"] = other + "#" * 1_000_000
    files["eve"] = text + "\n# " + "x" * 1_000_000
    files = {name: content.encode() for name, content in files.items()}
    found = {p.first + p.second for p in copies.pairs(exercise.name, files, known)}
    mine = ["ann", "bo", "chi", "eve"]
    assert found == {a + b for a in mine for b in mine if a < b}


def test_notebooks_with_a_mark_and_with_plots():
    """Two honest notebooks are not alike because both are JSON."""
    exercise = EXERCISES[0]
    known = copies.baseline(exercise, COURSE.root)
    files = {}
    for path in exercise.alternatives[:2]:
        code = {"cell_type": "code", "source": path.read_text("utf-8")}
        shell = {"cell_type": "code", "source": "%%bash\necho '''"}
        plot = {**code, "source": "show()", "outputs": ["x" * 2_000_000]}
        text = json.dumps({"cells": [shell, plot, code]})
        files[path.stem] = text.encode("utf-8-sig")
    assert copies.pairs(exercise.name, files, known, least=0.2) == []
    copied = files | {"copy": files[exercise.alternatives[0].stem] + b"\n"}
    assert len(copies.pairs(exercise.name, copied, known)) == 1


def test_the_same_file_of_many():
    text = EXERCISES[0].alternatives[0].read_bytes()
    files = {f"s{n:02}": text for n in range(20)}
    found = copies.pairs("x", files, copies.baseline(EXERCISES[0], COURSE.root))
    assert len(found) == 19 and all(pair.same_bytes for pair in found)


@pytest.mark.parametrize("text", ["'\\" * 100_000, "'''" * 60_000, "(" * 200_000])
def test_no_text_takes_long(text):
    started = time.monotonic()
    copies.tokens(text + "x")
    assert time.monotonic() - started < 5


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    exercise = EXERCISES[0]
    texts = [path.read_text("utf-8") for path in exercise.alternatives[:2]]
    texts += [disguised(texts[0]), texts[1]]
    for name, text in zip(["ann", "bo", "chi", "=dan\n"], texts, strict=True):
        path = tmp_path / name / f"{exercise.name}.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    assert cli.main(["similar", str(tmp_path)]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert "=dan� and bo: the same file" in first
    assert "ann and chi: " in second and "% alike" in second
    assert last == "2 pairs alike among 4 files; look before you judge"
    assert cli.main(["similar", str(tmp_path / "none")]) == 2
    assert cli.main(["similar", str(tmp_path), "--least", "7"]) == 2
    (tmp_path / "empty").mkdir()
    assert cli.main(["similar", str(tmp_path / "empty")]) == 2


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.short)
def test_the_published_solution_is_seen_and_honest_work_is_not(exercise):
    taken = disguised(exercise.solution.read_text("utf-8")).encode()
    assert copies.is_solution(exercise, taken, COURSE.root)
    for path in (*exercise.alternatives, exercise.assignment):
        assert not copies.is_solution(exercise, path.read_bytes(), COURSE.root)
