"""grade-all: each unit once, whatever happens; the same gradebook in the end."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter

import pytest

from course import cli, grade_all
from course.batch import workers
from course.catalog import ROOT, Course
from tests.course.batch import quick

COURSE = Course()
NAMES = [exercise.name for exercise in COURSE.exercises[:3]]
QUICK = [sys.executable, "-m", "tests.course.batch.quick"]


@pytest.fixture
def submissions(tmp_path):
    """Ten students, three exercises: thirty files, of which two are the same."""
    folder = tmp_path / "submissions"
    for number in range(10):
        for name in NAMES:
            hand_in(folder, f"student{number}", name, f"x = {number % 9}, '{name}'")
    return folder


def hand_in(folder, student, name, text):
    path = folder / student / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def grade(tmp_path, monkeypatch, capsys):
    """Run grade-all with judges that pretend; return (code, out, err, units done)."""
    log = tmp_path / "log"

    def run(*argv, seconds=0.0):
        log.write_text("")
        monkeypatch.setattr(workers, "result_of", quick.pretend(log, seconds))
        monkeypatch.setattr(grade_all, "workers", quick.local)
        code = cli.main(["grade-all", *map(str, argv)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err, log.read_text().splitlines()

    return run


def rows(folder, what="student, exercise, score, max_score, state, file, unit"):
    with sqlite3.connect(folder / "gradebook.sqlite") as book:
        found = book.execute(f"SELECT {what} FROM gradebook ORDER BY 1, 2").fetchall()
    book.close()
    return found


def test_everything_once(submissions, grade, tmp_path):
    (submissions / "notes.txt").write_text("…")
    (submissions / "student0/odd.py").write_text("…")
    code, out, err, done = grade(submissions, "--out", tmp_path / "run")
    assert code == 0 and len(done) == 27  # those of two students are the same bytes
    assert f"{NAMES[0]}   10 handed in, mean 2.0 of 2" in out
    assert "27 graded in" in out and "student0/odd.py: no exercise of this name" in err
    assert len(rows(tmp_path / "run")) == 30
    code, out, err, done = grade(submissions, "--out", tmp_path / "run")
    assert code == 0 and done == [] and "0 graded" in out and "27 known" in out


def test_only_what_changed(submissions, grade, tmp_path):
    grade(submissions, "--out", tmp_path / "run")
    hand_in(submissions, "student3", NAMES[1], "x = 'mended'")
    done = grade(submissions, "--out", tmp_path / "run")[3]
    assert len(done) == 1 and "mended" in done[0]
    hand_in(submissions, "student3", NAMES[1], "x = 'again'")
    hand_in(submissions, "student4", NAMES[1], "x = 'again'")
    hand_in(submissions, "student4", NAMES[0], "x = 'again'")
    some = ("--student", "student4", "--exercise", NAMES[1])
    assert len(grade(submissions, "--out", tmp_path / "run", *some)[3]) == 1
    assert len(grade(submissions, "--out", tmp_path / "run")[3]) == 1
    assert len(grade(submissions, "--out", tmp_path / "run", *some, "--again")[3]) == 1


def test_a_changed_check_grades_its_exercise_again(
    submissions, grade, tmp_path, monkeypatch
):
    grade(submissions, "--out", tmp_path / "run")
    hidden = tmp_path / "hidden" / f"{NAMES[2]}.py"
    hidden = hidden.with_name(f"test_{hidden.name}")
    hidden.parent.mkdir(parents=True)
    hidden.write_text("# more checks")
    more = ("--hidden", tmp_path / "hidden")
    done = grade(submissions, "--out", tmp_path / "run", *more)[3]
    assert len(done) == 9 and all(NAMES[2] in line for line in done)
    hidden.rename(hidden.with_name("test_nothing.py"))
    code, _, err, _ = grade(submissions, "--out", tmp_path / "run", *more)
    assert code == 2 and "test_nothing.py belongs to no exercise" in err


def test_earlier_attempts_where_the_best_counts(submissions, grade, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text('attempts = "best"')
    grade(submissions, "--out", tmp_path / "run", "--policy", policy)
    hand_in(submissions, "student3", NAMES[1], "x = 'second'")
    grade(submissions, "--out", tmp_path / "run")
    hidden = tmp_path / "hidden" / NAMES[1].rpartition("/")[0]
    hidden.mkdir(parents=True)
    (hidden / f"test_{NAMES[1].rpartition('/')[2]}.py").write_text("# more")
    done = grade(submissions, "--out", tmp_path / "run", "--hidden", hidden.parents[1])
    assert len(done[3]) == 9 + 1 and "x = 3" in " ".join(done[3])


def test_late_results_are_confirmed_alone(submissions, grade, tmp_path, monkeypatch):
    """Nothing else runs meanwhile, and the second result counts."""
    hand_in(submissions, "student3", NAMES[1], "late for ever")
    code, out, _, done = grade(submissions, "--out", tmp_path / "run", "--jobs", 4)
    late = [line for line in done if "late" in line]
    assert len(late) == 2 and late[-1] == done[-1]
    assert dict(Counter(r[2] for r in rows(tmp_path / "run"))) == {2.0: 29, 0.0: 1}
    assert {state for *_, state, _, _ in rows(tmp_path / "run")} == {"final"}


def test_two_runs_of_a_machine_heed_each_other(tmp_path, sandboxes):
    """Whoever wants the machine alone waits until the others are done."""
    order = []
    pool = workers.Local(COURSE, sandboxes, 2)
    with pool, pytest.MonkeyPatch.context() as patch:

        def result_of(course, path, job):
            order.append(f"{job} begins")
            time.sleep(0.2)
            order.append(f"{job} ends")
            return {}

        patch.setattr(workers, "result_of", result_of)
        running = [pool.pool.submit(pool.one, name) for name in "ab"]
        time.sleep(0.1)
        pool.alone("c")
        [future.result() for future in running]
    assert order[-2:] == ["c begins", "c ends"] and len(order) == 6


def test_faults_are_tried_again_and_told(submissions, grade, tmp_path):
    hand_in(submissions, "student3", NAMES[1], "a fault of the grader")
    code, out, _, _ = grade(submissions, "--out", tmp_path / "run")
    assert code == 3 and f"the grader failed on student3, {NAMES[1]}" in out
    state = "student, exercise, state, score"
    assert ("student3", NAMES[1], "fault", None) in rows(tmp_path / "run", state)
    code, _, _, done = grade(submissions, "--out", tmp_path / "run")
    assert code == 3 and len(done) == 1  # it is not forgotten, nor are others repeated


def test_a_fault_is_tried_twice_by_a_fresh_judge(monkeypatch, tmp_path):
    tries = []

    def judged(*args, **kwargs):
        tries.append(args)
        if len(tries) == 1:
            raise workers.GraderFault("the judge died")
        return {"score": 1.0}

    monkeypatch.setattr(workers.judging, "judged", judged)
    job = workers.Job("unit/x", tmp_path, "x.py", "seed")
    assert workers.result_of(None, None, job) == {"score": 1.0}
    assert len(tries) == 2 and tries[0] == tries[1]


@pytest.mark.parametrize(
    ("check", "doubtful"),
    [
        ({"status": "timeout", "message": "late"}, True),
        ({"status": "crashed", "message": "Python ended (signal 9)"}, True),
        ({"status": "crashed", "message": "Python ended (signal 11)"}, False),
        ({"status": "failed", "message": "(signal 9)"}, False),
    ],
)
def test_what_may_be_the_machines_doing(check, doubtful):
    assert workers.doubtful({"checks": [check]}) is doubtful


def test_shards_merged_are_the_whole(submissions, grade, tmp_path):
    key = tmp_path / "key"
    grade(submissions, "--out", tmp_path / "whole", "--key", key)
    done = []
    for number in (1, 2, 3):
        out = tmp_path / f"part{number}"
        done += grade(
            submissions, "--out", out, "--key", key, "--shard", f"{number}/3"
        )[3]
    assert len(set(done)) == 27  # two parts may do what two students share
    parts = [tmp_path / f"part{number}" for number in (1, 2, 3)]
    _, _, err, _ = grade("--out", tmp_path / "some", "--merge", parts[0], parts[2])
    assert "shard 2 of 3 is not among them" in err
    code, out, err, again = grade("--out", tmp_path / "merged", "--merge", *parts)
    assert code == 0 and again == [] and "not among" not in err
    assert rows(tmp_path / "merged") == rows(tmp_path / "whole")
    done = grade(submissions, "--out", tmp_path / "merged")[3]
    assert done == []  # and nothing is left to do
    grade(submissions, "--out", tmp_path / "other")
    code, _, err, _ = grade("--out", tmp_path / "merged", "--merge", tmp_path / "other")
    assert code == 2 and "grade all shards with the same --key FILE" in err


def test_killed_at_any_moment(submissions, tmp_path):
    """Nothing done is lost, nothing is done twice but what was in flight."""
    key = tmp_path / "key"
    whole = [*QUICK, tmp_path / "log0", "0", "grade-all", submissions]
    subprocess.run(
        [*whole, "--out", tmp_path / "whole", "--key", key], cwd=ROOT, check=True
    )
    log = tmp_path / "log"
    command = [*QUICK, log, "0.03", "grade-all", submissions, "--jobs", "2"]
    command += ["--out", tmp_path / "run", "--key", key]
    for lines in (1, 6, 13, 20):
        run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        while not log.exists() or len(log.read_text().splitlines()) < lines:
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
        run.wait()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    units = [line.split()[1] for line in log.read_text().splitlines()]
    assert len(set(units)) == 27 and len(units) <= 27 + 4 * 2


def test_one_writer_at_a_time(submissions, grade, tmp_path):
    held = grade_all.channel.lock(tmp_path / "lock")
    assert held
    (tmp_path / "run").mkdir()
    other = grade_all.channel.lock(tmp_path / "run/.lock")
    code, _, err, _ = grade(submissions, "--out", tmp_path / "run")
    other.close()
    assert code == 2 and "another grade-all is writing to" in err
    assert grade(submissions, "--out", tmp_path / "run")[0] == 0
    held.close()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--out", "OUT"], "say which folder of submissions to grade"),
        (["nowhere", "--out", "OUT"], "nowhere is no folder"),
        (["SUB", "--out", "OUT", "--jobs", "0"], "--jobs is 1 or more"),
        (["SUB", "--out", "OUT", "--shard", "0/2"], "--shard is i/N"),
        (["SUB", "--out", "OUT", "--shard", "3/2"], "--shard is i/N"),
        (["SUB", "--out", "OUT", "--student", "eve"], "there is no student eve"),
        (["SUB", "--out", "OUT", "--exercise", "eve"], "no exercise"),
        (["SUB", "--out", "OUT", "--policy", "none"], "none is no policy file"),
        (["SUB", "--out", "OUT", "--hidden", "none"], "none is no folder of hidden"),
        (["EMPTY", "--out", "OUT"], "no submission in"),
        (["--out", "OUT", "--merge", "SUB"], "no folder that grade-all has written"),
    ],
)
def test_wrong_usage(submissions, grade, tmp_path, argv, said):
    (tmp_path / "empty").mkdir()
    words = {"OUT": tmp_path / "run", "SUB": submissions, "EMPTY": tmp_path / "empty"}
    code, _, err, done = grade(*[words.get(word, word) for word in argv])
    assert code == 2 and said in err and done == []


def test_override_and_who_gave_it(submissions, grade, tmp_path, capsys):
    grade(submissions, "--out", tmp_path / "run")
    who = [str(tmp_path / "run"), "student3", NAMES[0]]
    why = ["--reason", "oral", "--author", "Dr. X"]
    assert cli.main(["override", *who, "1.5", *why]) == 0
    assert "student3, " + NAMES[0] + ": 1.5 points of 2" in capsys.readouterr().out
    line = json.loads((tmp_path / "run/overrides.jsonl").read_text())
    assert (line["points"], line["reason"], line["author"]) == (1.5, "oral", "Dr. X")
    assert cli.main(["override", *who, "99", *why]) == 0
    assert "that is more than the exercise has" in capsys.readouterr().out
    assert cli.main(["override", *who, "1", "--reason", " ", "--author", "X"]) == 2
    assert "--reason and --author must say something" in capsys.readouterr().err
    assert cli.main(["override", *who, "none", *why]) == 0
    assert "2 points of 2" in capsys.readouterr().out
    for words, said in [
        ([*who, "-1"], "POINTS is a number"),
        ([*who, "nan"], "POINTS is a number"),
        ([who[0], "eve", NAMES[0], "1"], "nobody called eve"),
        ([str(submissions), *who[1:], "1"], "no folder that grade-all has written"),
    ]:
        assert cli.main(["override", *why, "--", *words]) == 2
        assert said in capsys.readouterr().err


def test_one_odd_name_costs_nobody_else(submissions, grade, tmp_path):
    """Names that are no text, capitals at the end, folders that nobody may read."""
    odd = [
        os.fsencode(submissions) + name for name in (b"/b\xff", b"/student1/\xff.py")
    ]
    os.mkdir(odd[0])
    for path in (odd[0] + b"/x.py", odd[1]):
        with open(path, "w") as file:
            file.write("x")
    shouted = submissions / "student2" / f"{NAMES[0]}2.PY"
    shouted.write_text("x = 1")
    code, _, err, done = grade(submissions, "--out", tmp_path / "run")
    assert code == 0 and len(done) == 27
    assert "a name that is not UTF-8" in err and "its name must end in .py" in err


def test_resubmissions_and_shards_in_any_order(submissions, grade, tmp_path):
    """An earlier attempt of one part does not come back by merging."""
    key, one = tmp_path / "key", ("--student", "student3", "--exercise", NAMES[0])
    text = 'attempts = "best"'
    (tmp_path / "policy.toml").write_text(text)
    parts = [tmp_path / f"part{number}" for number in (1, 2, 3)]
    for turn in ("first", "second"):
        hand_in(submissions, "student3", NAMES[0], f"x = '{turn}'")
        for number, out in enumerate(parts, 1):
            more = ("--key", key, "--shard", f"{number}/3", *one)
            grade(submissions, "--out", out, *more)
    for order in (parts, parts[::-1]):
        merged = tmp_path / f"merged{parts.index(order[0])}"
        assert grade("--out", merged, "--merge", *order)[0] == 0
        book = sqlite3.connect(merged / "gradebook.sqlite")
        query = "SELECT current, sha256 FROM handed ORDER BY rowid"
        found = book.execute(query).fetchall()
        book.close()
        last = hashlib.sha256(b"x = 'second'").hexdigest()
        assert len(found) == 2 and found[1] == (1, last)


def test_hidden_checks_stay_with_a_run(submissions, grade, tmp_path):
    """Who forgets --hidden the second time does not lose the hidden points."""
    hidden = tmp_path / "hidden"
    exercise = COURSE.exercise(NAMES[0])
    check = hidden / exercise.chapter / exercise.test.name
    check.parent.mkdir(parents=True)
    check.write_text("# a hidden check")
    command = (submissions, "--out", tmp_path / "run")
    grade(*command, "--hidden", hidden)
    code, out, _, done = grade(*command)
    assert code == 0 and done == [] and f"with the hidden checks of {hidden}" in out
    shutil.rmtree(hidden)
    code, _, err, done = grade(*command)
    assert code == 2 and done == [] and "are gone" in err


def test_what_collect_says_comes_with_the_marks(submissions, grade, tmp_path):
    """Late by the platform's mark, left out before, replaced by hand, or absent."""
    entry = {"exercise": NAMES[0], "time": "2026-11-20T10:00:00+00:00", "ids": {}}
    entries = []
    for student, late in (("student1", True), ("student2", False)):
        content = (submissions / student / f"{NAMES[0]}.py").read_bytes()
        sha = hashlib.sha256(content).hexdigest()
        facts = {"student": student, "name": student, "late": late, "sha256": sha}
        entries.append(json.dumps({**entry, **facts}))
    (submissions / "manifest.jsonl").write_text("\n".join(entries))
    line = {"archive": "x.zip", "line": "ida/essay.py: no exercise of this name"}
    (submissions / "left_out.jsonl").write_text(json.dumps(line))
    hand_in(submissions, "student2", NAMES[0], "x = 'mended by hand'")
    rules = tmp_path / "policy.toml"
    rules.write_text(
        f'[due]\n"{NAMES[0]}" = 2026-11-21T00:00:00Z\n[extra_days]\nzoe = 1'
    )
    out = tmp_path / "run"
    _, _, err, _ = grade(submissions, "--out", out, "--policy", rules)
    assert "x.zip: ida/essay.py: no exercise of this name" in err
    assert "extra days for zoe, who has handed nothing in" in err
    facts = "student, time, late"
    with sqlite3.connect(out / "gradebook.sqlite") as book:
        query = f"SELECT {facts} FROM handed WHERE student IN ('student1', 'student2') "
        found = book.execute(query + "AND exercise = ? ORDER BY 1", [NAMES[0]])
        assert found.fetchall() == [
            ("student1", "2026-11-20T10:00:00+00:00", 1),
            ("student2", None, 0),  # the time is of another file
        ]
    assert cli.main(["report", str(out)]) == 0
    text = (out / "report/index.html").read_text("utf-8")
    assert "late as the platform says, but not by the policy: see override" in text
    assert "when it was handed in is not known: not late" in text
    assert "ida/essay.py: no exercise of this name" in text
