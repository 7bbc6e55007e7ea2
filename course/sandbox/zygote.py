"""The warm process: imports Keras once, then starts one sandbox per connection.

Whoever connects gets a fresh sandbox: a message with what isolation is in force, and
a socket that leads straight to its worker. The connection itself leads to a supervisor
that nothing of the learner's can reach: it watches time and memory, and ends the
sandbox with everything in it when the caller hangs up.

The zygote never runs an operation (a fork after one would deadlock) and never reads
what a caller sends: that is for the supervisor, a fork of its own. Where forking is
not safe (macOS, Windows), one spare process that has imported Keras waits instead, is
used once and replaced.
"""

import argparse
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from course.data.load import data_dir
from course.sandbox import channel, isolation, kernel, worker

WALL = 3  # seconds on the clock for a second of processor time
PRINTED_MAX = 1 << 16
WATCH = 0.05  # seconds between two looks at a sandbox
CAN_FORK = sys.platform.startswith("linux")


def environment():
    """Return the environment variables of the zygote and its sandboxes: no others."""
    kept = {
        k: os.environ[k] for k in ("SYSTEMROOT", "LD_LIBRARY_PATH") if k in os.environ
    }
    threads = ("OPENBLAS", "OMP", "MKL", "TF_INTRAOP", "TF_INTEROP")
    return kept | {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": tempfile.gettempdir(),
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": os.path.join(tempfile.gettempdir(), "no-keras-home"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "CUDA_VISIBLE_DEVICES": "-1",
        "COURSE_DATA": str(data_dir()),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        **{f"{name}_NUM_THREADS": "1" for name in threads},
    }


def import_keras():
    """Import what submissions import, and return the versions."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return {
        "python": sys.version.split()[0],
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


class Forked:
    """A sandbox that is a fork of this process."""

    def __init__(self, backend, data, output):
        self.backend = backend
        backend.prepare()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.run(data, output)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)

    def run(self, data, output):
        null = os.open(os.devnull, os.O_RDONLY)
        kept = 3
        for source, target in (
            (null, 0),
            (output, 1),
            (output, 2),
            (data.detach(), kept),
        ):
            os.dup2(source, target)
        os.closerange(kept + 1, 1 << 16)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.backend.confine()
        kernel.die_with_parent()
        os.environ["HOME"] = os.environ["TMPDIR"] = os.getcwd()
        sys.stdout.reconfigure(line_buffering=True)
        tempfile.tempdir = None
        worker.serve(socket.socket(fileno=kept))
        os._exit(0)

    def ended(self):
        """Return how the sandbox ended by itself, or None."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        code = os.waitstatus_to_exitcode(status)
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    def used(self):
        """Return bytes, processor seconds and processes of the sandbox.

        All below this supervisor: orphans have become its children.
        """
        return total({self.pid, *kernel.descendants(os.getpid())})

    def sweep(self):
        self.backend.sweep(self.pid)


class Spare:
    """A sandbox that was started in advance, for systems that cannot fork safely."""

    def __init__(self):
        self.judge, data = socket.socketpair()
        command = [sys.executable, "-P", "-s", "-c", boot("spare")]
        self.scratch = tempfile.mkdtemp(prefix="course-sandbox-")
        pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.STDOUT}
        if channel.UNIX:
            pipes |= {"stdout": subprocess.PIPE, "pass_fds": [data.fileno()]}
        else:
            pipes |= {"stdout": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, cwd=self.scratch, **pipes)
        how = str(data.fileno()) if channel.UNIX else data.share(self.process.pid).hex()
        self.process.stdin.write(f"{how}\n".encode())
        self.process.stdin.flush()
        data.close()
        self.pid = self.process.pid

    def ended(self):
        code = self.process.poll()
        return None if code is None else f"exit code {code}"

    def used(self):
        return total([self.pid, *kernel.descendants(self.pid)])

    def sweep(self):
        for pid in kernel.descendants(self.pid):
            kernel.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)


def total(pids):
    memory, seconds = zip(*map(kernel.usage, pids), strict=True)
    return sum(memory), sum(seconds), len(pids)


class Supervisor:
    """Watches a sandbox until it ends or the caller hangs up; then ends all of it.

    Args:
        control: the caller's connection: each line allows a number of seconds.
        child: a `Forked` or `Spare`.
        output: descriptor of what the sandbox prints, or None.
    """

    def __init__(self, control, child, output, limits):
        self.control, self.child, self.output = control, child, output
        self.limits = limits
        self.printed, self.lines = bytearray(), bytearray()
        self.watched = [control] if output is None else [control, output]
        self.start, self.spent, _ = child.used()
        self.allow(60)

    def allow(self, seconds):
        self.allowed = seconds
        self.wall = time.monotonic() + WALL * seconds
        self.processor = self.spent + seconds

    def run(self):
        """Return (status, why, what was printed); "closed" if the caller hung up."""
        while not (verdict := self.look()):
            pass
        self.child.sweep()
        return *verdict, self.printed.decode("utf-8", "replace")

    def look(self):
        """Wait a moment, then return (status, why) if the sandbox must end."""
        ready, _, _ = select.select(self.watched, [], [], WATCH)
        if self.output in ready:
            self.keep(os.read(self.output, 1 << 16))
        memory, self.spent, processes = self.child.used()
        if self.control in ready and not self.hear(self.control.recv(4096)):
            return "closed", ""
        if how := self.child.ended():
            if b"bad_alloc" in self.printed or b"MemoryError" in self.printed:
                return "memory", "it asked for more memory than there is for it"
            return "crashed", f"Python ended in the middle of the check ({how})"
        if memory > self.start + self.limits.memory:
            return "memory", f"it took more than {self.limits.memory >> 20} MB"
        if processes > 2 * self.limits.processes:
            return "crashed", f"it started more than {self.limits.processes} processes"
        if self.spent > self.processor:
            return "timeout", f"it was still running after {self.allowed:g} seconds"
        if time.monotonic() > self.wall:
            waited = f"{WALL * self.allowed:g} seconds"
            return "timeout", f"it was still waiting for something after {waited}"
        return None

    def keep(self, part):
        self.printed += part[: PRINTED_MAX - len(self.printed)]
        if not part:
            self.watched.remove(self.output)

    def hear(self, part):
        """Read allowances; return whether the caller is still there."""
        *complete, rest = bytes(self.lines + part).split(b"\n")
        self.lines = bytearray(rest)
        for seconds in complete:
            self.allow(float(seconds))
        return bool(part)


def tell(control, answer):
    """Tell the caller how a sandbox has ended, when nothing of it is left."""
    try:
        control.sendall(json.dumps(answer).encode() + b"\n")
    except OSError:
        pass  # the caller is gone: nobody is waiting for the reason
    control.close()


def free_slot():
    """Return the number of a spare user nobody uses, and the lock that keeps it.

    Spare users belong to the machine, so the locks are in one place, whoever asks.
    """
    if os.getuid() != 0:
        return 0, None  # only root has spare users
    folder = Path("/run/course-slots")
    folder.mkdir(mode=0o700, exist_ok=True)
    for number in range(isolation.SLOTS):
        if held := channel.lock(folder / str(number)):
            return number, held
    raise OSError("all slots for sandboxes are taken")


def run_forked(control, backend_class, options, versions):
    """The life of one supervisor."""
    scratch = tempfile.mkdtemp(prefix="course-sandbox-")
    limits = isolation.Limits()
    try:
        slot, _held = free_slot()
        tree = isolation.Tree(options.library, options.data, scratch)
        judge, data = socket.socketpair()
        output, written = os.pipe()
        child = Forked(backend_class(tree, limits, slot), data, written)
        os.close(written)
        data.close()
        channel.give(control, describe(backend_class, versions), judge, 0)
        judge.close()
        answer = Supervisor(control, child, output, limits).run()
    finally:
        try:
            os.rmdir(scratch)
        except OSError:
            isolation.remove(scratch)
    tell(control, answer)


def describe(backend_class, versions):
    promises = isolation.PROMISES[backend_class.name]
    force = {"backend": backend_class.name, **promises}
    return {"isolation": force, "environment": versions}


def serve_by_fork(server, options):
    versions = None
    limits = isolation.Limits()
    with tempfile.TemporaryDirectory(prefix="course-probe-") as probe:
        tree = isolation.Tree(options.library, options.data, probe)
        if options.isolation == "auto":
            backend_class, _ = isolation.strongest(tree, limits)
        else:
            backend_class = isolation.backend_class(options.isolation)
        backend_class(tree, limits).settle()
    versions = import_keras()
    gc.collect()
    gc.freeze()
    for control in connections(server, options):
        if os.fork() == 0:
            status = 1
            try:
                server.close()
                kernel.die_with_parent(signal.SIGTERM)  # and clean up first
                run_forked(control, backend_class, options, versions)
                status = 0
            finally:
                os._exit(status)
        control.close()


def serve_by_spare(server, options):
    versions = {"python": sys.version.split()[0], **installed("tensorflow", "keras")}
    spare = Spare()
    for control in connections(server, options):
        used, spare = spare, Spare()
        pid = channel.caller(control, options.socket)
        channel.give(control, describe(isolation.Process, versions), used.judge, pid)
        used.judge.close()
        output = used.process.stdout.fileno() if channel.UNIX else None
        args = (control, used, output)
        threading.Thread(target=run_spare, args=args, daemon=True).start()


def run_spare(control, child, output):
    """The life of one supervisor of a spare process."""
    limits = isolation.Limits()
    tell(control, Supervisor(control, child, output, limits).run())


def installed(*names):
    from importlib.metadata import version

    return {name: version(name) for name in names}


def connections(server, options):
    """Yield callers until nobody has come for a while, or the owner is gone."""
    watched = [server] + ([sys.stdin] if options.owned and channel.UNIX else [])
    last = time.monotonic()
    while True:
        if CAN_FORK and kernel.reap_all():
            last = time.monotonic()
        ready, _, _ = select.select(watched, [], [], 1.0)
        if sys.stdin in ready or time.monotonic() - last > options.idle:
            return
        if server in ready:
            last = time.monotonic()
            yield server.accept()[0]


def boot(*argv):
    """Return the Python line that starts this program with the library importable."""
    library = str(Path(__file__).parents[2])
    return (
        f"import sys; sys.path.insert(0, {library!r}); sys.argv[1:] = {list(argv)!r}; "
        "from course.sandbox.zygote import main; main()"
    )


def be_spare():
    """The life of a spare process: import, wait, serve one caller."""
    how = sys.stdin.readline().strip()
    import_keras()
    data = socket.socket(fileno=int(how)) if channel.UNIX else from_share(how)
    if channel.UNIX:
        tree = isolation.Tree("", "", os.getcwd())
        isolation.Process(tree, isolation.Limits()).confine()
    worker.serve(data)


def from_share(how):
    return socket.fromshare(bytes.fromhex(how))


def main():
    if sys.argv[1] == "spare":
        return be_spare()
    parser = argparse.ArgumentParser()
    for name in ("socket", "library", "data", "isolation"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--idle", type=float)
    parser.add_argument("--owned", action="store_true")
    parser.add_argument("--spare", action="store_true")
    options = parser.parse_args()
    for _ in range(20):  # a caller who looks whether we are here takes it for a moment
        if held := channel.lock(options.socket + ".lock"):
            break
        time.sleep(0.05)
    else:
        return None  # another one is already there
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = channel.listen(options.socket)
    Path(options.socket + ".pid").write_text(str(os.getpid()))
    try:
        if options.spare or not CAN_FORK:
            serve_by_spare(server, options)
        else:
            serve_by_fork(server, options)
    finally:
        held.flush()
        for suffix in ("", ".pid"):
            Path(options.socket + suffix).unlink(missing_ok=True)
