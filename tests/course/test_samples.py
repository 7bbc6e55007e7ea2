"""The sample submissions get what their inventors gave them, as the README shows."""

import json
import subprocess
import sys

import pytest

from course.catalog import Course

ROOT = Course().root
EXPECTED = {  # student and exercise: how the first check that is not passed ends
    ("amara", "batch_norm_backward"): None,
    ("amara", "channel_attention"): None,
    ("bo", "channel_attention"): "failed",
    ("chidi", "batch_norm_backward"): "failed",
    ("chidi", "channel_attention"): None,
    ("dana", "residual_branches"): "todo",
    ("emil", "receptive_fields"): "invalid",
    ("farah", "channel_attention"): "timeout",
    ("farah", "residual_branches"): "todo",
}


@pytest.fixture(scope="module")
def graded(sandboxes, tmp_path_factory):
    """What `make grade` prints, and the results."""
    path = tmp_path_factory.mktemp("samples") / "results.jsonl"
    command = [sys.executable, "-m", "course", "grade"]
    run = subprocess.run(
        [*command, "--submission", "course/samples", "--json", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stderr  # points were lost, and no more
    return run.stdout, [json.loads(line) for line in path.read_text().splitlines()]


def test_every_sample_ends_as_it_should(graded):
    found = {}
    for result in graded[1]:
        statuses = [c["status"] for c in result["checks"] if c["status"] != "passed"]
        name = result["exercise"].rpartition("/")[2]
        found[result["student"], name] = statuses[0] if statuses else None
        full = result["score"] == result["max_score"]
        assert full == (not statuses)
    assert found == EXPECTED


def test_misconceptions_are_named(graded):
    for result in graded[1]:
        for check in result["checks"]:
            assert bool(check["misconception"]) == (check["status"] == "failed")


def test_the_readme_shows_what_is_printed(graded):
    printed = [line.strip() for line in graded[0].splitlines() if line.strip()]
    shown = [line.strip() for line in (ROOT / "README.md").read_text().splitlines()]
    start = shown.index(printed[0])
    assert shown[start : start + len(printed)] == printed


def test_the_untouched_sample_is_untouched():
    name = "vision/classification/residual_branches.py"
    sample = ROOT / "course/samples/dana" / name
    assert sample.read_text() == (ROOT / "assignments" / name).read_text()
