"""Every hostile submission, in every backend of this machine, against its promises."""

import json
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from course.sandbox import isolation
from tests.course.sandbox.place import CANARY, ROOT, TRIED, opened
from tests.redteam import attack

AT_ONCE = 3
ATTACKS = attack.attacks()
OUTSIDE = ("/", "/tmp", "/var/tmp", os.path.expanduser("~"), "/autograder/results")


class Listener:
    """Ports that a submission would call, and what came in."""

    def __init__(self):
        self.heard = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(f"\0redteam-{self.port}")
        self.unix.listen()
        self.threads = [
            threading.Thread(target=self.listen, args=args, daemon=True)
            for args in ((self.tcp.accept,), (self.unix.accept,), (self.udp.recv, 99))
        ]
        for thread in self.threads:
            thread.start()

    def listen(self, wait, *args):
        try:
            while True:
                self.heard.append(wait(*args))
        except OSError:
            pass

    def close(self):
        for door in (self.tcp, self.unix, self.udp):
            try:
                door.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            door.close()
        for thread in self.threads:
            thread.join()
        for heard in self.heard:
            if isinstance(heard, tuple):
                heard[0].close()


def tree(folder):
    """Return {path: (size, time)} of all files below a folder."""
    found = {}
    for path in Path(folder).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            stat = path.lstat()
            found[path] = (stat.st_size, stat.st_mtime_ns)
    return found


def survivors():
    """Return processes that carry the red team's name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().strip() == attack.MARK:
                found.append(path.parent.name)
        except OSError:
            continue
    return found


class Raid:
    """What came of the whole corpus in one backend."""

    def __init__(self, backend, uid):
        self.place = opened(backend, uid)
        folder = self.place.folder
        self.promise = isolation.PROMISES[backend]
        target = attack.exercise(folder / "exercise")
        self.listener = Listener()
        places = {"LIBRARY": self.place.library, "SECRET": self.place.secret}
        places |= {"TMP": folder, "PORT": self.listener.port}
        before = tree(self.place.library), tree(folder / "exercise")
        self.alone = attack.graded(target, attack.RIGHT.encode(), self.place.socket)
        self.attacks = [a for a in ATTACKS if not (a.danger and backend == "process")]
        raid = attack.raid(self.attacks, target, self.place.socket, AT_ONCE, **places)
        self.results, self.beside = raid
        time.sleep(1)
        self.left = survivors()
        self.changed = before != (tree(self.place.library), tree(folder / "exercise"))
        self.marks = [
            path
            for top in (folder, folder / "scratch", *OUTSIDE)
            for path in Path(top).glob(f"redteam-mark-{self.listener.port}*")
        ]
        self.scratch = list((folder / "scratch").glob("course-sandbox-*"))

    def close(self):
        for path in self.marks:
            path.unlink()
        self.place.stop()
        self.listener.close()


@pytest.fixture(scope="module", params=TRIED, ids=lambda p: f"{p[0]}-as-{p[1]}")
def raid(request):
    found = Raid(*request.param)
    yield found
    found.close()


def test_forty_attacks_and_more():
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize("one", ATTACKS, ids=lambda a: a.name)
def test_no_undeserved_point_and_the_right_status(raid, one):
    if one not in raid.attacks:
        return  # nothing in this backend would keep it from the tests themselves
    found = raid.results[one.name]
    statuses = [check["status"] for check in found["checks"]]
    for status, allowed in zip(statuses, one.statuses, strict=True):
        assert status in allowed, f"{one.name}: {statuses}"
    assert found["score"] == sum(
        check["points"] for check in found["checks"] if check["status"] == "passed"
    )
    assert "passed" not in statuses


def test_neighbours_are_graded_as_if_they_were_alone(raid):
    def verdict(result):
        return [{**check, "seconds": 0} for check in result["checks"]]

    assert raid.alone["score"] == 3
    alone = verdict(raid.alone)
    assert [n for n, found in raid.beside.items() if verdict(found) != alone] == []


def test_no_secret_was_read(raid):
    [_, total] = raid.results["reads_the_answers"]["checks"]
    seen = {"allow-list": 0, "no solutions, no tests": 1, "open": 4}
    count = total["message"].count(CANARY)  # where all is open, also in temporary files
    assert min(count, 4) == seen[raid.promise["filesystem"]]
    if raid.promise["filesystem"] == isolation.LISTED:
        assert CANARY not in json.dumps(list(raid.results.values()))


def test_nothing_was_written_outside(raid):
    assert not raid.changed
    if raid.promise["filesystem"] != isolation.OPEN or not ROOT:
        assert raid.marks == []
    if not raid.promise["leftovers"]:
        assert raid.scratch == []


def test_nothing_survives(raid):
    if raid.promise["leftovers"]:
        return  # promised by no one
    assert raid.left == []


def test_no_packet_was_sent(raid):
    assert bool(raid.listener.heard) == raid.promise["network"]
