"""The autograder for Gradescope, run as that service runs it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from course import cli
from course.catalog import ROOT, Course

ONE = "vision/classification/channel_attention"
TWO = "vision/classification/batch_norm_backward"
COURSE = Course()
RIGHT = COURSE.exercise(ONE).solution.read_text("utf-8")
HIDDEN = '''
from course.grading import close, points

@points(4)
def test_large(submission):
    """the kernel of 1,000,000 channels"""
    close(submission.kernel_size(10**6), 11)
'''


@pytest.fixture(scope="module")
def place():
    """A service's folders, with the package unpacked and set up."""
    root = Path(tempfile.mkdtemp(prefix="autograder-"))
    root.chmod(0o755)
    hidden = root / "mine" / ONE
    hidden.parent.mkdir(parents=True)
    hidden.with_name("test_channel_attention.py").write_text(HIDDEN)
    archive = root / "autograder.zip"
    argv = [
        "package",
        "--exercise",
        ONE,
        TWO,
        "--out",
        archive,
        "--hidden",
        root / "mine",
    ]
    assert cli.main([*map(str, argv)]) == 0
    shutil.rmtree(root / "mine")
    unpack(archive, root / "source")
    (root / "venv").symlink_to(sys.prefix)
    script(root, "setup.sh")
    yield root
    shutil.rmtree(root)


def unpack(archive, folder):
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            path = Path(file.extract(info, folder))
            path.chmod(info.external_attr >> 16)


def script(root, name):
    """Run a script of the package: as root in a container, or as who we are."""
    launch = ROOT / "tests/course/sandbox/launch.py"
    container = [sys.executable, launch, "container"] if os.getuid() == 0 else []
    environment = {**os.environ, "AUTOGRADER": str(root)}
    command = [*container, root / "source" / name]
    subprocess.run(command, env=environment, check=True, cwd="/", timeout=600)


def graded(root, files):
    """Hand in files and return what Gradescope would read."""
    for folder in ("submission", "results"):
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir()
    for name, text in files.items():
        path = root / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    script(root, "run_autograder")
    return json.loads((root / "results/results.json").read_text("utf-8"))


def test_what_is_in_the_package(place):
    names = {
        p.relative_to(place / "source").as_posix()
        for p in (place / "source").rglob("*")
    }
    assert {"setup.sh", "run_autograder", "package.json"} <= names
    assert not [n for n in names if "solutions" in n or "alternatives" in n]
    settings = json.loads((place / "source/package.json").read_text("utf-8"))
    assert settings["exercises"] == [ONE, TWO] and len(settings["key"]) == 64


def test_a_right_answer_and_a_missing_one(place):
    found = graded(place, {"channel_attention.py": RIGHT})
    assert (
        found["score"] == 10 and "There is no batch_norm_backward.py" in found["output"]
    )
    assert [t["status"] for t in found["tests"]] == ["passed"] * 4
    assert found["tests"][3]["name"].endswith("the kernel of 1,000,000 channels")
    backend = "uid" if os.getuid() == 0 else None
    assert found["extra_data"]["isolation"][0] in (backend, "landlock", "namespaces")
    if backend:
        assert found["extra_data"]["isolation"] == ["uid"]


def test_a_hostile_answer(place):
    """It looks for the checks, the key and the results, and finds none."""
    spy = """
import os
def found(path):
    try:
        return os.listdir(path) if os.path.isdir(path) else open(path).read()
    except OSError:
        return ""
def kernel_size(channels):
    seen = [found("ROOT/" + p) for p in ("source/package.json", "source/hidden",
        "source/course/tests", "results", "submission")]
    try:
        open("ROOT/results/results.json", "w").write('{"score": 99}')
    except OSError:
        pass
    raise ValueError(repr(seen))
"""
    text = RIGHT + spy.replace("ROOT", str(place))
    found = graded(place, {"work/channel_attention.py": text})
    assert found["score"] == 3  # for the gates, which are right
    said = found["tests"][0]["output"]
    assert "['', '', '', '', '']" in said, said


def test_the_same_file_twice_is_the_same_verdict(place):
    files = {"channel_attention.py": RIGHT.replace("sigmoid", "tanh")}
    first, second = graded(place, files), graded(place, files)
    assert first["tests"] == second["tests"]
    assert first["extra_data"] == second["extra_data"]


def test_there_is_always_a_result(place):
    """Also when the grader is broken."""
    broken = place / "source/course/course/judging.py"
    before = broken.read_text("utf-8")
    for text in ("raise SystemExit(1)", "raise ValueError"):
        broken.write_text(text)
        try:
            found = graded(place, {"channel_attention.py": RIGHT})
        finally:
            broken.write_text(before)
        assert found["score"] == 0 and "The grader failed, not you" in found["output"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "say which exercises a submission holds"),
        (["--exercise", "nothing"], "no exercise"),
        (["--exercise", ONE, "--for", "moodle"], "--for is gradescope, got moodle"),
        (["--exercise", ONE, "--key", "none"], "none does not exist"),
        (["--exercise", ONE, "--hidden", "none"], "none is no folder"),
    ],
)
def test_wrong_usage(argv, said, tmp_path, capsys):
    out = tmp_path / "x.zip"
    assert cli.main(["package", "--out", str(out), *argv]) == 2
    assert said in capsys.readouterr().err and not out.exists()
