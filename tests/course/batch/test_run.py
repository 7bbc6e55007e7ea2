"""The folder of a run: what it says is right at every moment."""

import json

import pytest

from course.batch.files import add_line, put
from course.batch.run import Run
from course.cli import UsageError

GOOD = {"score": 2.0, "max_score": 6.0, "seconds": 0.5, "checks": []}


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run")


def work(run, content=b"x = 1", exercise="unit/one", checks="c", environment="e"):
    return run.work(exercise, content, ".py", checks, environment)


def gradebook(run):
    return run.book.execute("SELECT * FROM gradebook ORDER BY student").fetchall()


def hand_in(run, work, student="ann"):
    row = (student, work.exercise, work.sha256, work.unit, "ann/x.py", None)
    run.hand_in([row], ["notes.txt: no exercise of this name"])


def test_a_unit_is_what_its_result_depends_on(run):
    first = work(run)
    assert work(run) == first  # whoever hands it in
    for other in (
        work(run, b"x = 2"),
        work(run, exercise="unit/two"),
        work(run, checks="other"),
        work(run, environment="other"),
    ):
        assert other.unit != first.unit
    assert first.path.read_bytes() == b"x = 1" and first.shown == "one.py"


def test_seeds_follow_from_the_key_and_the_file_only(run, tmp_path):
    first = work(run)
    assert (
        first.seed
        == work(run, checks="other").seed
        == run.seed("unit/one", first.sha256)
    )
    assert first.seed != work(run, b"x = 2").seed
    assert first.seed != work(Run(tmp_path / "other")).seed
    assert (run.folder / "run.key").stat().st_mode & 0o077 == 0


def test_the_gradebook_over_the_results(run):
    mine = work(run)
    hand_in(run, mine)
    assert gradebook(run)[0][2:5] == (None, None, None)  # not graded yet
    run.keep(mine, GOOD, "unsure")
    assert gradebook(run)[0][2:5] == (None, None, "unsure")  # no points yet
    run.keep(mine, GOOD, "final")
    assert gradebook(run)[0][2:5] == (2.0, 6.0, "final")
    assert run.read(mine.unit)["state"] == "final"


def test_a_later_file_counts_and_the_earlier_is_known(run):
    first, second = work(run), work(run, b"x = 2")
    hand_in(run, first)
    hand_in(run, second)
    assert [row[-1] for row in gradebook(run)] == [second.unit]
    assert run.attempts("ann", "unit/one") == [(first.sha256, ".py")]
    hand_in(run, first)
    assert [row[-1] for row in gradebook(run)] == [first.unit]


def test_what_was_written_and_not_entered_is_found_again(run):
    """A run killed between the file and the gradebook."""
    mine = work(run)
    hand_in(run, mine)
    run.keep(mine, GOOD, "unsure")
    better = {**run.read(mine.unit), "state": "final"}
    put(run.path(mine.unit), json.dumps(better).encode())
    assert run.index() == {mine.unit: "final"}
    assert gradebook(run)[0][2:5] == (2.0, 6.0, "final")


@pytest.mark.parametrize(
    "content", [b"", b'{"unit": "', b'{"unit": "other"}', b"[]", b'{"unit": "UNIT"}']
)
def test_a_damaged_result_is_no_result(run, content):
    mine = work(run)
    hand_in(run, mine)
    run.keep(mine, GOOD, "final")
    run.path(mine.unit).write_bytes(content.replace(b"UNIT", mine.unit.encode()))
    assert run.index() == {}
    assert gradebook(run)[0][2:5] == (None, None, None)


def test_a_deleted_gradebook_comes_back(run, tmp_path):
    mine = work(run)
    run.keep(mine, GOOD, "final")
    run.close()
    for file in run.folder.glob("gradebook.sqlite*"):
        file.unlink()
    again = Run(run.folder)
    assert again.index() == {mine.unit: "final"}
    hand_in(again, mine)
    assert gradebook(again)[0][2:5] == (2.0, 6.0, "final")


def test_a_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a/b"
    put(path, b"first")
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("pathlib.Path.replace", killed)
        put(path, b"second")
    assert path.read_bytes() == b"first"
    put(path, b"third", over=False)  # who is first, wins
    assert path.read_bytes() == b"first"
    add_line(path, "more")
    assert path.read_bytes() == b"firstmore\n"


def killed(*args):
    raise RuntimeError


def test_shards_agree_on_a_key(tmp_path):
    shared = tmp_path / "key"
    one, two = (Run(tmp_path / name, shared) for name in ("one", "two"))
    assert one.key == two.key == shared.read_text()
    assert shared.stat().st_mode & 0o077 == 0
    shared.write_text("1" * 64)
    with pytest.raises(UsageError, match="is another key than"):
        Run(tmp_path / "one", shared)


def test_what_cannot_be_used_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is no folder"):
        Run(tmp_path / "file")
    run = Run(tmp_path / "run")
    run.close()
    key = (tmp_path / "run/run.key").read_text()
    for text in ("short", key[:40], key[::-1], "ö" * 64):
        (tmp_path / "run/run.key").write_text(text)
        with pytest.raises(UsageError, match="is no key|is not the key of this run"):
            Run(tmp_path / "run")
    (tmp_path / "run/run.key").unlink()
    with pytest.raises(UsageError, match="is gone: put it back"):
        Run(tmp_path / "run")
    (tmp_path / "run/run.key").write_text(key)
    with pytest.raises(UsageError, match="is no key"):
        Run(tmp_path / "run", tmp_path)
    with pytest.raises(UsageError, match="no folder that grade-all has written"):
        Run.existing(tmp_path / "nothing")
    broken = Run(tmp_path / "broken")
    broken.close()
    for file in (tmp_path / "broken").glob("gradebook.sqlite*"):
        file.write_bytes(b"no database" * 99)
    with pytest.raises(UsageError, match="move it away and run grade-all again"):
        Run(tmp_path / "broken")
    with pytest.raises(UsageError, match="has no file"):
        run.file("ab" * 32, ".py")


def test_earlier_attempts_outlive_the_gradebook(run):
    """The database is made anew of the other files."""
    first, second = work(run), work(run, b"x = 2")
    hand_in(run, first)
    hand_in(run, second)
    before = run.book.execute("SELECT * FROM handed ORDER BY sha256").fetchall()
    run.close()
    for file in run.folder.glob("gradebook.sqlite*"):
        file.unlink()
    again = Run(run.folder)
    assert (
        again.book.execute("SELECT * FROM handed ORDER BY sha256").fetchall() == before
    )


def test_a_score_that_was_written_and_not_entered(run):
    mine = work(run)
    hand_in(run, mine)
    run.keep(mine, GOOD, "final")
    better = {**run.read(mine.unit), "score": 5.0}
    put(run.path(mine.unit), json.dumps(better).encode())
    run.index()
    assert gradebook(run)[0][2] == 5.0


def test_a_damaged_copy_of_a_file_is_made_good(run):
    mine = work(run)
    mine.path.write_bytes(b"")
    assert work(run).path.read_bytes() == b"x = 1"


def test_grades_are_for_nobody_else(run):
    assert run.folder.stat().st_mode & 0o077 == 0


def test_a_gradebook_of_an_earlier_version_is_used(run):
    hand_in(run, work(run))
    run.book.execute("ALTER TABLE handed DROP COLUMN late")
    run.book.commit()
    run.close()
    again = Run(run.folder)
    assert again.book.execute("SELECT student, late FROM handed").fetchall() == [
        ("ann", 0)
    ]


def test_who_is_on_time_with_a_file_stays_on_time(run):
    """Handing the same file in again, late, changes nothing."""
    row = ("ann", "unit/one", "sha", "unit", "ann/x.py", "2026-11-20T10:00:00+00:00")
    run.hand_in([(*row, False)])
    run.hand_in([(*row[:5], "2026-11-25T10:00:00+00:00", True)])
    facts = run.book.execute("SELECT time, late FROM handed").fetchall()
    assert facts == [("2026-11-20T10:00:00+00:00", 0)]
    again = Run(run.folder)  # from handed.jsonl alone
    assert again.book.execute("SELECT late FROM handed").fetchall() == [(0,)]
