"""The command line as its users meet it: what it prints, writes, and exits with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course import cli, judging, progress
from course.catalog import Course
from tests.course.terminal import copied

ROOT = Course().root
NAME = "vision/classification/channel_attention"
SOLUTION = (ROOT / f"solutions/{NAME}.py").read_text()
STUB = (ROOT / f"assignments/{NAME}.py").read_text()
NO_SIGMOID = SOLUTION.replace("return ops.sigmoid(s[:, :, 0])", "return s[:, :, 0]", 1)


@pytest.fixture
def run(sandboxes, tmp_path, capsys, monkeypatch):
    """Run a command in this process, with progress of its own."""
    monkeypatch.setattr(progress, "FILE", tmp_path / "kept/progress.json")

    def command(*argv):
        code = cli.main([str(a) for a in argv])
        out, err = capsys.readouterr()
        return code, out, err

    return command


def grade(run, tmp_path, text, *more, name="mine.py"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, err = run("grade", NAME, "--submission", path, "--json", "-", *more)
    return code, json.loads(out) if out else None, err


def statuses(result):
    return [check["status"] for check in result["checks"]]


def test_full_marks(run, tmp_path):
    code, result, _ = grade(run, tmp_path, SOLUTION)
    assert code == 0 and result["score"] == result["max_score"] > 0
    assert set(statuses(result)) == {"passed"}


def test_result_has_the_keys_of_schema_1(run, tmp_path):
    _, result, _ = grade(run, tmp_path, NO_SIGMOID)
    assert result["schema"] == 1 and result["exercise"] == NAME
    keys = "score max_score submission_sha256 exercise_sha256 seed seconds checks"
    assert {*keys.split(), "isolation", "environment"} <= set(result)
    wanted = "name title points score status message misconception hidden seconds"
    wanted += " inputs_sha256"
    assert all(set(check) == set(wanted.split()) for check in result["checks"])
    assert result["score"] == sum(check["score"] for check in result["checks"])
    assert result["isolation"]["backend"] in (
        "namespaces",
        "uid",
        "landlock",
        "process",
    )
    assert set(result["environment"]) == {"python", "tensorflow", "keras"}


def test_a_mistake_is_named(run, tmp_path):
    code, result, _ = grade(run, tmp_path, NO_SIGMOID)
    told = [check["misconception"] for check in result["checks"]]
    assert code == 1 and "a gate must lie in (0, 1): the sigmoid is missing" in told


def test_the_same_mistake_in_another_idiom_is_named(run, tmp_path):
    text = STUB.replace(
        "    # TODO: average, slide, squash\n    raise NotImplementedError",
        "    import numpy as np\n"
        "    s = np.mean(np.asarray(x), axis=2).mean(axis=1)\n"
        "    k = np.asarray(kernel)\n"
        "    padded = np.pad(s, [(0, 0), (len(k) // 2, len(k) // 2)])\n"
        "    n = s.shape[1]\n"
        "    return sum(w * padded[:, i : i + n] for i, w in enumerate(k))",
    )
    assert text != STUB
    _, result, _ = grade(run, tmp_path, text)
    told = [check["misconception"] for check in result["checks"]]
    assert "a gate must lie in (0, 1): the sigmoid is missing" in told


def test_numpy_inside_a_network_is_told_in_words(run, tmp_path):
    numpy = """

import numpy as np

def gates(x, kernel):
    s, k = np.mean(x, axis=(1, 2)), np.asarray(kernel)
    s = np.stack([np.convolve(row, k[::-1], "same") for row in s])
    return 1 / (1 + np.exp(-s))
"""
    _, result, _ = grade(run, tmp_path, SOLUTION + numpy)
    last = result["checks"][-1]
    assert [c["status"] for c in result["checks"]] == ["passed", "passed", "crashed"]
    assert "have a shape and no values yet: use keras.ops" in last["message"]
    assert "\x1b" not in last["message"]


def test_untouched_stub(run, tmp_path):
    code, result, _ = grade(run, tmp_path, STUB)
    assert code == 1 and result["score"] == 0
    assert set(statuses(result)) <= {"todo", "waiting"}


@pytest.mark.parametrize(
    "text, status, said",
    [
        ("def f(:\n", "invalid", "line 1: Python cannot read this"),
        (b"\xff\xfe\x00", "invalid", "is not UTF-8: save the file as UTF-8"),
        (
            "import torch\n",
            "invalid",
            "line 1: running your file raises ModuleNotFound",
        ),
        ("x = 1\n1 / 0\n", "invalid", "line 2: running your file raises ZeroDivision"),
        (
            "import sys\nsys.exit(0)\n",
            "invalid",
            "line 2: running your file raises Syst",
        ),
        ("", "invalid", "your file defines no "),
        ("import os\nos._exit(0)\n", "crashed", "Python ended in the middle"),
    ],
    ids=["syntax", "utf-16", "import", "raises", "exits", "empty", "_exit"],
)
def test_files_that_cannot_be_graded(run, tmp_path, text, status, said):
    code, result, _ = grade(run, tmp_path, text)
    assert code == 1 and result["score"] == 0
    assert set(statuses(result)) <= {status, "waiting" if text == "" else status}
    assert said in result["checks"][0]["message"] and "isolation" in result
    assert "Traceback" not in json.dumps(result)


def test_an_unreadable_file_costs_only_itself(sandboxes, tmp_path):
    from course import judge

    assert judging.content(tmp_path) is None  # what no user may open, root included
    exercise = Course().exercise(NAME)
    result = judge.examine(exercise, ("x.py", None), "seed", judging.opener(sandboxes))
    assert set(statuses(result)) == {"invalid"} and result["score"] == 0
    assert "x.py cannot be read: who may read it?" in result["checks"][0]["message"]


def test_wrong_signature_and_missing_function(run, tmp_path):
    text = SOLUTION.replace("def gates(x, kernel)", "def gates(x)")
    _, result, _ = grade(run, tmp_path, text)
    gates = next(c for c in result["checks"] if c["name"] == "test_gates")
    assert (
        gates["status"] == "invalid" and "gates(x) cannot be called" in gates["message"]
    )
    assert result["checks"][0]["status"] == "passed"  # the other function is fine
    _, result, _ = grade(run, tmp_path, SOLUTION.replace("def gates", "def gate"))
    gates = next(c for c in result["checks"] if c["name"] == "test_gates")
    assert "defines no gates (is it your gate?)" in gates["message"]


def test_forbidden_call(run, tmp_path):
    import importlib.util

    path = ROOT / "tests/assignments/vision/classification/test_channel_attention.py"
    spec = importlib.util.spec_from_file_location("checks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    name = next(n for n in module.FORBIDDEN if n.startswith("modules."))
    code, result, _ = grade(run, tmp_path, f"import {name}\n" + SOLUTION)
    assert code == 1 and set(statuses(result)) == {"refused"}
    assert (
        f"line 1 uses {name}, which this exercise asks"
        in result["checks"][0]["message"]
    )


def test_the_same_seed_gives_the_same_result(run, tmp_path):
    first = grade(run, tmp_path, NO_SIGMOID, "--seed", "abc")[1]
    again = grade(run, tmp_path, NO_SIGMOID, "--seed", "abc")[1]
    other = grade(run, tmp_path, NO_SIGMOID, "--seed", "abd")[1]
    messages = [[c["message"] for c in r["checks"]] for r in (first, again, other)]
    assert messages[0] == messages[1] != messages[2]


def test_notebook(run, tmp_path):
    half = SOLUTION.index("\n\ndef gates")
    cells = ["%matplotlib inline", SOLUTION[half:], SOLUTION[:half], "1 / 0", "!ls"]
    cells = [{"cell_type": "code", "source": text} for text in cells]
    text = json.dumps({"cells": cells, "nbformat": 4})
    code, result, _ = grade(run, tmp_path, text, name="mine.ipynb")
    assert code == 0 and set(statuses(result)) == {"passed"}


@pytest.mark.parametrize(
    "argv, said",
    [
        (["grade", "no/such"], "there is no exercise no/such"),
        (["grade", "chanel_attention"], f"did you mean {NAME}?"),
        (["grade"], "say which exercise"),
        (["grade", NAME, "--submission", "/no/such.py"], "/no/such.py does not exist"),
        (
            ["grade", NAME, "--submission", __file__, "--jobs", "0"],
            "--jobs is 1 or more",
        ),
        (["grade", NAME, "--isolation", "hope"], "--isolation is one of namespaces"),
        (["grade", NAME, "--submission", "Makefile"], "is no .py or .ipynb file"),
        (["grade", "--submission", "pyproject.toml"], "is no .py or .ipynb file"),
        (["grade", "--submission", __file__], "which exercise is"),
        (["grade", "--submission", str(ROOT / "modules")], "no submission in"),
        (["show", "vision/nothing"], "there is no chapter vision/nothing"),
        (["where", "xyzzy"], "nothing here speaks of 'xyzzy'"),
        (["hint", "no/such"], "there is no exercise"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["grade", "--frobnicate"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_to_do(run, argv, said, monkeypatch):
    monkeypatch.chdir(ROOT)
    code, out, err = run(*argv)
    assert code == 2 and said in err and "Traceback" not in err


def test_a_faulty_grader_exits_3(run, tmp_path, monkeypatch):
    from course import judge

    def broken(*args):
        raise judge.GraderFault("the judge died")

    monkeypatch.setattr(judging, "judged", broken)
    (tmp_path / "mine.py").write_text(SOLUTION)
    code, out, _ = run("grade", NAME, "--submission", tmp_path / "mine.py")
    assert code == 3 and "the grader failed, not you: the judge died" in out


def test_a_broken_check_is_the_graders_fault(run, sandboxes, tmp_path):
    from course import judge
    from course.catalog import Exercise

    exercise = Exercise(tmp_path, "unit/x")
    exercise.test.parent.mkdir(parents=True)
    exercise.test.write_text(
        "from course.grading import points\n\n"
        '@points(1)\ndef test_f(submission):\n    """f"""\n    {}["missing"]\n'
    )
    opener = judging.opener(sandboxes)
    with pytest.raises(judge.GraderFault, match="test_f: KeyError"):
        judge.examine(exercise, ("x.py", b"f = 1"), "seed", opener)


def test_folder_of_students(run, tmp_path):
    for student, text in {"ann": SOLUTION, "bob": NO_SIGMOID, "eve": "1 +"}.items():
        path = tmp_path / "class" / student / f"{NAME}.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (tmp_path / "class/notes.txt").write_text("no submission")
    (tmp_path / "class/ann/other.py").write_text("x = 1")
    (tmp_path / "class/bob/link.py").symlink_to(ROOT / f"solutions/{NAME}.py")
    out_file = tmp_path / "results.jsonl"
    code, out, err = run(
        "grade", "--submission", tmp_path / "class", "--json", out_file
    )
    results = [json.loads(line) for line in out_file.read_text().splitlines()]
    assert code == 1
    assert [r["student"] for r in results] == ["ann", "bob", "eve"]
    assert results[0]["score"] == results[0]["max_score"] > results[1]["score"] > 0
    assert results[2]["score"] == 0
    assert "sigmoid is missing" in " ".join(out.split())
    assert "other.py: no exercise of this name" in err
    assert "link.py: a link, not a file" in err


def test_others_work_needs_isolation(run, tmp_path, monkeypatch):
    path = tmp_path / "class/ann" / f"{NAME}.py"
    path.parent.mkdir(parents=True)
    path.write_text(SOLUTION)
    folder = ["--submission", tmp_path / "class", "--isolation", "process", "--cold"]
    code, _, err = run("grade", *folder)
    assert code == 2 and "--allow-unsafe if you trust" in err
    code, _, _ = run("grade", *folder, "--allow-unsafe")
    assert code == 0


@pytest.fixture
def learner(tmp_path):
    """A copy of the learner's part of the course, to write in."""
    home = copied(tmp_path / "home")

    def command(*argv, **environment):
        env = {**os.environ, **environment}
        if "COURSE_PROGRESS" not in environment:
            env.pop("COURSE_PROGRESS")
        return subprocess.run(
            [sys.executable, "-m", "course", *argv],
            cwd=home,
            env=env,
            capture_output=True,
            text=True,
        )

    command.home = home
    return command


def test_hints_come_one_at_a_time_and_reset_starts_again(learner):
    said = [learner("hint", NAME).stdout for _ in range(12)]
    hints = [line for line in said if not line.startswith("You have seen")]
    assert len(hints) >= 3 and len(set(hints)) == len(hints)
    assert "You have seen all hints" in said[-1]
    mine = learner.home / f"assignments/{NAME}.py"
    mine.write_text("# my work\n")
    assert "kept as" in learner("reset", NAME).stdout
    assert mine.read_text() == STUB
    kept = mine.with_suffix(".py.old-1")
    assert kept.read_text() == "# my work\n"
    assert learner("hint", NAME).stdout == said[0]
    mine.write_text("# other work\n")
    learner("reset", NAME)
    assert mine.with_suffix(".py.old-2").read_text() == "# other work\n"
    assert kept.read_text() == "# my work\n"


def test_hints_are_for_the_function_that_is_next(learner):
    mine = learner.home / f"assignments/{NAME}.py"
    mine.write_text(
        SOLUTION[: SOLUTION.index("def gates")] + STUB[STUB.index("def gates") :]
    )
    assert learner("hint", NAME).stdout.startswith("gates: ")


def test_progress_survives_nonsense_and_grows_with_grading(learner):
    file = learner.home / ".course/progress.json"
    assert "not graded" in learner().stdout
    (learner.home / f"assignments/{NAME}.py").write_text(SOLUTION)
    graded = learner("grade", NAME, "--cold")
    assert graded.returncode == 0, graded.stdout + graded.stderr
    assert json.loads(file.read_text())[NAME]["score"] > 0
    line = next(x for x in learner().stdout.splitlines() if NAME in x)
    assert line.strip().startswith("ok") and "points" in line
    for nonsense in ("not json", "[1]", '{"a": 1}'):
        file.write_text(nonsense)
        assert learner().returncode == 0
        assert learner("hint", NAME).returncode == 0
    file.unlink()
    assert "not graded" in learner().stdout


def test_interrupted_grading_leaves_one_line(sandboxes, tmp_path):
    endless = tmp_path / "endless.py"
    endless.write_text("while True:\n    pass\n")
    command = ["-m", "course", "grade", NAME, "--submission", str(endless)]
    child = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(3)  # it runs for ten seconds
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=10)
    assert (out, err) == ("", "course: stopped\n") and child.returncode == 1


def test_progress_that_cannot_be_kept_costs_no_verdict(learner):
    wrong = str(learner.home / "README.md" / "progress.json")
    (learner.home / "README.md").write_text("a file where a folder would be")
    hint = learner("hint", NAME, COURSE_PROGRESS=wrong)
    assert hint.returncode == 0 and hint.stdout
    assert hint.stderr.startswith(f"your progress cannot be kept in {wrong} (")
    assert "Traceback" not in hint.stderr


def test_files_that_cannot_be_written(learner):
    (learner.home / "full").write_text("a file where a folder would be")
    said = learner("notebook", NAME, "--out", "full/x.ipynb")
    assert said.returncode == 2
    assert said.stderr.startswith("course: full/x.ipynb cannot be written (Not a dir")


def test_a_deleted_file_is_still_an_exercise(learner):
    mine = learner.home / f"assignments/{NAME}.py"
    mine.unlink()
    assert (
        f"{NAME} " in learner().stdout and "efficient channel" in learner("list").stdout
    )
    said = learner("grade", NAME).stderr
    assert f"does not exist: python -m course reset {NAME}" in " ".join(said.split())
    assert "the file is gone" in learner("demo", NAME).stderr
    assert learner("reset", NAME).returncode == 0
    assert mine.read_text() == STUB


def test_demo_of_an_exercise_is_the_last_part_of_ones_own_file(learner):
    said = learner("demo", NAME)
    assert (
        said.returncode == 1 and "course: first write kernel_size, line" in said.stderr
    )
    (learner.home / f"assignments/{NAME}.py").write_text(SOLUTION)
    said = learner("demo", NAME)
    assert said.returncode == 0 and said.stderr == ""
    assert said.stdout.startswith("channels  squeeze-and-excitation (r = 16)  yours")


def test_without_the_packages_it_says_what_to_do(learner):
    """As outside the virtual environment: no package can be imported."""
    (learner.home / ".venv").mkdir()
    bare = [sys.executable, "-S", "-E", "-m", "course"]
    for command in ("grade", "demo", "watch", "notebook"):
        name = "residual_depth" if command == "demo" else NAME
        run = {"cwd": learner.home, "capture_output": True, "text": True}
        said = subprocess.run([*bare, command, name], **run)
        if command == "notebook":  # needs none
            assert said.returncode == 0
            continue
        assert said.returncode == 2, said.stdout + said.stderr
        assert "run source .venv/bin/activate first" in said.stderr
        assert "Traceback" not in said.stderr


@pytest.mark.parametrize("command", ["show", "demo", "grade", "hint"])
def test_empty_names(learner, command):
    said = learner(command, "")
    assert said.returncode == 2 and "Traceback" not in said.stderr


def test_output_that_goes_nowhere():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "course", "show", "classification"]
        said = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE)
    assert said.returncode == 2
    assert said.stderr.startswith(b"course: the output cannot be written (No space")
    assert b"Traceback" not in said.stderr and b"Exception ignored" not in said.stderr


def test_progress_follows_an_exercise_that_is_renamed(learner):
    file = learner.home / ".course/progress.json"
    file.parent.mkdir()
    mine = {"score": 6.0, "max_score": 6.0, "of a later version": [1]}
    file.write_text(json.dumps({"vision/eca": mine, "gone/exercise": {"score": 1.0}}))
    renamed = learner.home / f"assignments/{NAME}.py"
    said = learner().stdout
    assert "0 of 4" not in said and "6 of 6" not in said
    text = STUB.replace("\nNeeds:", "\nFormerly: vision/attention, vision/eca\nNeeds:")
    renamed.write_text(text)
    line = next(x for x in learner().stdout.splitlines() if NAME in x)
    assert line.split() == ["ok", NAME, "6", "of", "6", "points"]
    assert learner("hint", "vision/eca").returncode == 0  # the old name still leads on
    kept = json.loads(file.read_text())
    assert kept[NAME]["of a later version"] == [1] and kept["gone/exercise"]


def test_light_commands_read_well(run):
    assert "channel_attention" in run("list")[1]
    code, out, _ = run("where", "squeeze-and-excitation")
    assert code == 0 and "modules/vision/classification/squeeze_excite.py" in out
    code, out, _ = run("show", "classification")
    assert code == 0 and out.startswith("# ")
    assert (
        Path(ROOT / "course/units/vision/classification/README.md").read_text() in out
    )


def test_debug_runs_in_this_process(run, tmp_path, sandboxes):
    code = (
        "import sys\nfrom course.cli import main\n"
        f"sys.exit(main(['grade', {NAME!r}, '--debug', '--seed', 'a', '--json', '-',"
        f" '--submission', {str(tmp_path / 'mine.py')!r}]))"
    )
    (tmp_path / "mine.py").write_text(NO_SIGMOID)
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    direct = json.loads(done.stdout)
    _, boxed, _ = grade(run, tmp_path, NO_SIGMOID, "--seed", "a")
    kept = ("name", "status", "message", "misconception", "score")
    compare = [[{k: c[k] for k in kept} for c in r["checks"]] for r in (direct, boxed)]
    assert done.returncode == 1 and compare[0] == compare[1]
