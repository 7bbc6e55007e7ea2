"""A small library with canaries in it, and a warm process of one backend over it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from course.sandbox import client, isolation
from course.sandbox.zygote import boot, environment

HERE = Path(__file__).parent
PROBE = ("probe.py", (HERE / "probe.py").read_bytes())
CANARY = "canary-5d1f"
ROOT = os.getuid() == 0
NOBODY = 65534
# backend and the user who runs it; as an ordinary user all but the last ones are tried
TRIED = (
    [("namespaces", 0), ("namespaces", NOBODY), ("uid", 0), ("landlock", NOBODY)]
    + [("process", NOBODY)]
    if ROOT
    else [("namespaces", os.getuid()), ("landlock", os.getuid())]
    + [("process", os.getuid())]
)


class Place:
    """A warm process of one backend over a small library with canaries in it."""

    def __init__(self, folder, backend, uid):
        self.folder, self.backend, self.uid = folder, backend, uid
        self.promise = isolation.PROMISES[backend]
        self.library, self.socket = folder / "library", folder / "run" / "socket"
        shutil.copytree(client.LIBRARY / "modules", self.library / "modules")
        for secret in ("solutions/x.py", "tests/x.py", "submissions/eve/x.py"):
            path = self.library / secret
            path.parent.mkdir(parents=True)
            path.write_text(CANARY)
        self.secret = folder / "secret.txt"
        self.secret.write_text(CANARY)
        self.scratch = folder / "scratch"
        for name in ("run", "scratch"):
            (folder / name).mkdir()
            os.chown(folder / name, uid, uid)
        options = ["--socket", str(self.socket), "--library", str(self.library)]
        options += ["--data", str(folder / "data"), "--isolation", backend]
        code = boot(*options, "--idle", "600", "--owned")
        command = [sys.executable, "-P", "-s", "-c", code]
        if ROOT:
            command = [sys.executable, str(HERE / "launch.py"), str(uid), *command]
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(
            command,
            env={
                **environment(),
                "PYTHONPATH": str(self.library),
                "TMPDIR": str(self.scratch),
            },
            stdin=subprocess.PIPE,
            stdout=self.log,
            stderr=self.log,
        )
        while not self.socket.exists():
            assert self.process.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)

    def session(self, submission=PROBE):
        return client.sandbox(self.socket, submission)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdin.close()
        self.log.close()
        shutil.rmtree(self.folder)


def opened(backend, uid):
    """Return a Place in a new folder that other users may enter.

    pytest's own folders will not do: every session closes them to others again.
    """
    folder = Path(tempfile.mkdtemp(prefix="course-place-"))
    folder.chmod(0o755)
    return Place(folder, backend, uid)
