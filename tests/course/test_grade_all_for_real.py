"""grade-all and replay with real judges and sandboxes, here and on a cluster."""

import json
import os
import signal
import threading
import time

import pytest

from course import cli
from course.catalog import Course
from tests.course.test_grade_all import hand_in, rows

NAME = "vision/classification/channel_attention"
RIGHT = Course().exercise(NAME).solution.read_text("utf-8")
WRONG = RIGHT.replace("return ops.sigmoid(s[:, :, 0])", "return s[:, :, 0]")
RANDOM = "import random\nCALLS = random.random()\n" + RIGHT.replace(
    "return ops.sigmoid(s[:, :, 0])", "raise ValueError(object())"
)
FILES = {"ann": RIGHT, "bo": WRONG, "chi": "1 +", "dan": RANDOM, "eve": RIGHT}
WHAT = "student, exercise, score, max_score, state, file, unit"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five students, graded on this machine by the strongest isolation."""
    folder = tmp_path_factory.mktemp("class")
    for student, text in FILES.items():
        hand_in(folder / "submissions", student, NAME, text)
    argv = ["grade-all", folder / "submissions", "--out", folder / "run"]
    assert cli.main([*map(str, argv)]) == 0
    return folder


def results(folder):
    found = [json.loads(p.read_text()) for p in folder.glob("results/??/*.json")]
    return {result["unit"]: result for result in found}


def same(result):
    """Return what must be the same wherever and whenever it is graded."""
    checks = [{**check, "seconds": 0} for check in result["checks"]]
    dropped = ("seconds", "isolation", "environment", "printed")
    return {k: v for k, v in result.items() if k not in dropped} | {"checks": checks}


def test_points_and_seeds(folder):
    scores = {student: score for student, _, score, *_ in rows(folder / "run")}
    assert scores == {"ann": 6.0, "bo": 2.0, "chi": 0.0, "dan": 2.0, "eve": 6.0}
    found = results(folder / "run").values()
    assert len(found) == 4  # ann and eve handed in the same
    assert len({result["seed"] for result in found}) == 4
    assert {result["isolation"]["backend"] for result in found} != {"process"}


@pytest.mark.parametrize("student", ["ann", "bo", "dan"])
def test_replay(folder, student, capsys):
    assert cli.main(["replay", str(folder / "run"), f"{student}/{NAME}"]) == 0
    assert "The same inputs and the same verdict, seed" in capsys.readouterr().out


def test_replay_of_a_file_and_of_what_is_not_there(folder, capsys):
    run = folder / "run"
    path = next(run.glob("results/??/*.json"))
    assert cli.main(["replay", str(run), str(path)]) == 0
    assert cli.main(["replay", str(run), f"nobody/{NAME}"]) == 2
    assert "there is no result nobody/" in capsys.readouterr().err


def test_replay_notices_another_verdict(folder, capsys):
    """Somebody has given himself points in the file of the result."""
    run = folder / "run"
    path = next(
        p
        for u, r in results(run).items()
        for p in [run / "results" / u[:2] / f"{u}.json"]
        if r["score"] == 0
    )
    before = path.read_text()
    changed = json.loads(before)
    changed["checks"][0] |= {"status": "passed", "score": 2.0}
    path.write_text(json.dumps(changed))
    try:
        assert cli.main(["replay", str(run), path.stem]) == 1
        out = capsys.readouterr().out
        assert "test_kernel_size: status was 'passed', is 'invalid'" in out
    finally:
        path.write_text(before)


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    quiet = {"dashboard_address": None, "memory_limit": 0, "silence_logs": 60}
    with LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster:
        yield cluster


def on_cluster(folder, cluster, submissions, out):
    argv = ["grade-all", submissions, "--out", out, "--key", folder / "run/run.key"]
    return cli.main([*map(str, argv), "--scheduler", cluster.scheduler_address])


def test_a_cluster_gives_the_same_results(folder, cluster, tmp_path):
    assert on_cluster(folder, cluster, folder / "submissions", tmp_path / "run") == 0
    assert rows(tmp_path / "run") == rows(folder / "run")
    mine, theirs = results(tmp_path / "run"), results(folder / "run")
    assert {u: same(r) for u, r in mine.items()} == {
        u: same(r) for u, r in theirs.items()
    }


def test_a_worker_lost_in_the_middle(folder, cluster, tmp_path):
    for number in range(8):
        text = f"{RIGHT}\n# {number}\n"
        hand_in(tmp_path / "submissions", f"student{number}", NAME, text)

    def kill():
        while len(list(tmp_path.glob("run/results/??/*.json"))) < 2:
            time.sleep(0.02)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    code = on_cluster(folder, cluster, tmp_path / "submissions", tmp_path / "run")
    killer.join()
    assert code == 0
    assert [score for _, _, score, *_ in rows(tmp_path / "run")] == [6.0] * 8


def test_a_cluster_that_is_not_there(folder, tmp_path, capsys):
    argv = ["grade-all", folder / "submissions", "--out", tmp_path / "run"]
    assert cli.main([*map(str, argv), "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "there is no Dask scheduler at tcp://127.0.0.1:9" in capsys.readouterr().err


def test_nothing_of_a_worker_is_unpickled(cluster):
    """An answer that only pickle could bring is refused."""
    from course.batch.cluster import Dask

    class Options:
        scheduler, jobs = cluster.scheduler_address, 1
        isolation, allow_unsafe = "auto", False

    with Dask(Options, "environment") as pool:
        future = pool.client.submit(complex, 1, 2)
        with pytest.raises(TypeError, match="deserialize"):
            future.result()
