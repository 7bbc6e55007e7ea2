"""Each backend keeps exactly what the table of promises says."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from course.grading import Raised, fit, reload
from course.sandbox import channel, isolation
from course.sandbox.session import Gone, Unusable
from tests.course.sandbox.place import CANARY, ROOT, TRIED, opened


@pytest.fixture(scope="module", params=TRIED, ids=lambda p: f"{p[0]}-as-{p[1]}")
def place(request):
    found = opened(*request.param)
    yield found
    found.stop()


def named(name):
    """Return the processes of this machine that carry a name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().strip() == name:
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_backend_in_force_is_told(place):
    with place.session() as session:
        told = session.link.info["isolation"]
    assert told == {"backend": place.backend, **place.promise}


def test_modules_can_be_used(place):
    with place.session() as session:
        layer = session.root.modules.vision.classification.squeeze_excite.SqueezeExcite
        assert layer(ratio=2)(np.ones((1, 2, 2, 4))).shape == (1, 2, 2, 4)


def test_files(place):
    with place.session() as session:
        found = session.root.find(str(place.library), CANARY)
        outside = CANARY in session.root.read(str(place.secret))
        users = "root" in session.root.read("/etc/passwd")
        scratch = session.root.write("mine.txt")
    kept = place.promise["filesystem"]
    assert scratch
    assert bool(found) == (kept == isolation.OPEN)
    assert outside == users == (kept != isolation.LISTED)


def test_nothing_can_be_written_outside(place):
    with place.session() as session:
        for path in (place.library / "modules/new.py", Path(sys.prefix) / "new.py"):
            assert not session.root.write(str(path))
            assert not path.exists()


def test_scratch_is_private_and_removed(place):
    with place.session() as one, place.session() as two:
        one.root.write("mine.txt")
        assert "refused" in two.root.read("mine.txt")
        assert len(list(place.scratch.glob("course-sandbox-*"))) == 2
    assert list(place.scratch.glob("course-sandbox-*")) == []


def test_network(place):
    with socket.create_server(("127.0.0.1", 0)) as server, place.session() as session:
        port = server.getsockname()[1]
        assert session.root.connect(port) == place.promise["network"]
        reached = session.root.connect_unix(str(place.socket))
    assert reached == place.promise["network"]


def test_other_processes(place):
    """The zygote runs as the same user as the sandbox wherever that is possible."""
    zygote = place.process.pid
    with place.session() as session:
        assert session.root.signal(zygote) == place.promise["processes"]
        secret = session.root.read(f"/proc/{os.getpid()}/environ")
    assert "COURSE_RUN_DIR" not in secret


def test_a_process_of_the_same_user(place):
    """Nor through what the kernel does on behalf of a descriptor, or of a scheduler."""
    user = {"user": place.uid, "group": place.uid} if ROOT else {}
    with (
        subprocess.Popen(["sleep", "60"], **user) as victim,
        place.session() as session,
    ):
        reniced = session.root.renice(victim.pid)
        session.root.signal_by_owner(victim.pid)
        time.sleep(0.1)
        killed = victim.poll() is not None
        victim.kill()
    assert reniced == killed == place.promise["processes"]


def test_a_file_of_the_same_user(place):
    os.chown(place.secret, place.uid, place.uid)
    before = place.secret.stat().st_mode, place.secret.stat().st_mtime
    with place.session() as session:
        done = session.root.tamper(str(place.secret))
    after = place.secret.stat().st_mode, place.secret.stat().st_mtime
    if place.promise["filesystem"] != isolation.OPEN:
        assert done == [] and before == after


def test_a_model_can_be_trained_and_saved(place):
    x = np.ones((4, 2))
    with place.session() as session:
        model = session.root.network()
        assert len(fit(model, x, np.ones((4, 1)), 2)) == 2
        assert reload(model, x).shape == (4, 1)


def test_litter_is_removed(place):
    with place.session() as session:
        scratch = session.root.litter()
    assert not Path(scratch).exists()


def test_environment_is_clean(place, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", CANARY)
    with place.session() as session:
        seen = session.root.environment()
        own = session.root.read("/proc/self/environ")
    assert CANARY not in json.dumps(seen) + own
    assert [k for k in seen if "COURSE" in k or "TOKEN" in k] == ["COURSE_DATA"]


def test_no_way_up(place):
    with place.session() as session:
        session.start("a check", 0, 5)
        gained = session.root.become_root()
    assert gained == [] or place.backend == "process"  # which promises nothing


def ended(place, name, *args, seconds=1.0):
    """Call a function that never answers; return how it ended, and after how long."""
    with place.session() as session:
        session.start("a check", 0, seconds)
        started = time.monotonic()
        try:
            value = getattr(session.root, name)(*args)
            status = f"returned {value}"
        except Gone as e:
            status = e.status
        except Raised as e:
            status = e.type
        took = time.monotonic() - started
        link = session.link
    return status, took, link


def test_endless_loop(place):
    status, took, _ = ended(place, "endless")
    assert status == "timeout" and took < 5


def test_sleep(place):
    status, took, _ = ended(place, "asleep", seconds=0.5)
    assert status == "timeout" and took < 5


def test_memory_hog(place):
    status, took, _ = ended(place, "hog", seconds=20)
    assert status in ("memory", "MemoryError") and took < 30


def test_memory_hogs_together(place):
    status, took, _ = ended(place, "many_hogs", seconds=20)
    assert status == "memory" and took < 30


def test_memory_hogs_that_belong_to_nobody(place):
    status, took, _ = ended(place, "orphan_hogs", seconds=20)
    assert status == "memory" and took < 30


def test_flood_of_output(place):
    status, took, link = ended(place, "flood")
    assert status == "timeout" and took < 8
    assert 0 < len(link.printed) <= 1 << 16


def test_big_file(place):
    status, _, _ = ended(place, "big_file", "big.bin", seconds=10)
    assert status == "returned False"


def test_daemon_dies(place):
    name = f"stray{os.getpid()}{place.process.pid}"[:15]
    with place.session() as session:
        session.start("a check", 0, 5)
        assert session.root.daemon(name) is True
        assert named(name)
    if not place.promise["leftovers"]:
        assert named(name) == []


def test_fork_bomb(place):
    if not place.promise["bombs"]:
        return
    name = f"bomb{os.getpid()}{place.process.pid}"[:15]
    status, took, _ = ended(place, "bomb", name, seconds=1.0)
    assert status in ("timeout", "crashed", "memory") and took < 10
    assert named(name) == []
    with place.session() as session:
        assert session.root.fine() == 1.0


@pytest.mark.parametrize("way", ["leave", "die"])
def test_leaving_is_no_answer(place, way):
    with place.session() as session:
        with pytest.raises(Gone, match="Python ended in the middle") as caught:
            getattr(session.root, way)()
        with pytest.raises(Gone):  # and stays so
            session.root.fine()
    assert caught.value.status == "crashed"


def test_exit_is_an_exception(place):
    assert ended(place, "end")[0] == "SystemExit"


def test_hanging_up_is_no_answer(place):
    assert ended(place, "hang_up")[0] in ("crashed", "invalid", "timeout")


def test_forged_frames_are_no_answer(place):
    from course.sandbox import wire

    for forged in (
        b"\0" * 64,
        b"\xff" * 64,
        b"not a frame at all, whatever it says",
        wire.encode(["no such kind", 1.0]),
        wire.encode("passed"),
    ):
        status, _, _ = ended(place, "shout", list(forged))
        assert status in ("invalid", "crashed", "timeout"), forged


def test_neighbours_are_not_disturbed(place):
    with place.session() as neighbour:
        neighbour.start("a check", 0, 60)
        ended(place, "hog", seconds=20)
        ended(place, "leave")
        assert neighbour.root.fine() == 1.0


def test_a_sandbox_that_cannot_load_says_why(place):
    with pytest.raises(Unusable, match="Python cannot read this"):
        with place.session(("x.py", b"def f(:\n")):
            pass


def test_uid_closes_solutions(tmp_path):
    """Only the owner may read them once this backend has been chosen."""
    for name in ("solutions", "tests", ".git"):
        (tmp_path / name).mkdir(mode=0o755)
    tree = isolation.Tree(str(tmp_path), "", "")
    isolation.Uid(tree, isolation.Limits()).settle()
    modes = {p.name: p.stat().st_mode & 0o777 for p in tmp_path.iterdir()}
    assert modes == {"solutions": 0o700, "tests": 0o700, ".git": 0o700}


@pytest.mark.parametrize("backend", [isolation.Namespaces, isolation.Landlock])
def test_a_library_below_what_can_be_read(tmp_path, backend):
    """A list of readable folders keeps nothing back if the library lies in one."""
    library, scratch = tmp_path / "data/course", tmp_path / "scratch"
    library.mkdir(parents=True)
    scratch.mkdir()
    tree = isolation.Tree(str(library), str(tmp_path / "data"), str(scratch))
    reason = isolation.why_not(backend, tree, isolation.Limits())
    assert "lies in" in reason and "which is readable" in reason


def test_private_folder_must_be_private(tmp_path, monkeypatch):
    tmp_path.chmod(0o755)
    monkeypatch.setenv("COURSE_RUN_DIR", str(tmp_path))
    with pytest.raises(PermissionError, match="is not private: remove it"):
        channel.private_folder()
