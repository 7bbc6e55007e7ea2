"""What keeps a submission in its sandbox, and what each backend promises.

A backend has three moments: `prepare` in the supervisor before the fork, `confine` in
the child before the learner's code, `sweep` in the supervisor when all must end.
`PROMISES` is the contract; tests/course/sandbox/test_isolation.py tests exactly that.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from course.sandbox import kernel

CLOSED, LISTED, OPEN = "no solutions, no tests", "allow-list", "open"
PROMISES = {
    # files: what can be read · network · processes: others can be seen or signalled
    # bombs: a fork bomb is contained · leftovers: a process can outlive its sandbox
    "namespaces": dict(
        filesystem=LISTED, network=False, processes=False, bombs=True, leftovers=False
    ),
    "uid": dict(
        filesystem=CLOSED, network=False, processes=False, bombs=True, leftovers=False
    ),
    "landlock": dict(
        filesystem=LISTED, network=False, processes=False, bombs=True, leftovers=False
    ),
    "process": dict(
        filesystem=OPEN, network=True, processes=True, bombs=False, leftovers=True
    ),
}
FIRST_UID = 64_100  # spare user ids, one a running sandbox
SLOTS = 200
SCRATCH = "/scratch"  # what a sandbox with a tree of its own may write


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use; memory counts what it takes beyond the start."""

    memory: int = 1536 << 20  # bytes
    processes: int = 64
    file_size: int = 64 << 20  # bytes
    files: int = 256


@dataclass(frozen=True)
class Tree:
    """What a sandbox may read.

    Args:
        library: folder that holds `modules` and `course`.
        data: folder of prepared data sets.
        scratch: folder that the sandbox may write.
    """

    library: str
    data: str
    scratch: str

    def readable(self):
        library = Path(self.library)
        listed = [
            *("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime"),
            *(sys.base_prefix, sys.prefix, self.data),
            *(
                library / "modules",
                library / "course/data",
                library / "course/__init__.py",
            ),
        ]
        present = [str(path) for path in listed if os.path.exists(path)]
        targets = [os.path.realpath(p) for p in present if os.path.islink(p)]
        for path in (
            Path(self.library).resolve(),
            *Path(self.library).resolve().parents,
        ):
            if str(path) in present + targets:
                raise OSError(
                    f"{self.library} lies in {path}, which is readable: move it"
                )
        return list(dict.fromkeys(present + targets))

    def closed(self):
        names = ("solutions", "tests", "submissions", ".git")
        return [
            p
            for n in names
            if (p := os.path.join(self.library, n)) and os.path.isdir(p)
        ]


class Process:
    """Limits only: for machines that offer nothing else."""

    name = "process"

    def __init__(self, tree, limits, slot=0):
        self.tree, self.limits, self.slot = tree, limits, slot

    def settle(self):
        """Prepare the machine, once, when this backend has been chosen."""

    def prepare(self):
        kernel.become_subreaper()

    def confine(self):
        os.setsid()
        os.chdir(self.tree.scratch)
        self.limit()

    def limit(self, processes=True):
        import resource

        limits = self.limits
        bounds = {
            "RLIMIT_CORE": 0,
            "RLIMIT_DATA": kernel.data_size() + limits.memory,
            "RLIMIT_FSIZE": limits.file_size,
            "RLIMIT_NOFILE": limits.files,
        }
        if processes:
            bounds["RLIMIT_NPROC"] = kernel.tasks_of(os.getuid()) + limits.processes
        for name, value in bounds.items():
            if value is not None and hasattr(resource, name):
                _, hard = resource.getrlimit(getattr(resource, name))
                if hard != resource.RLIM_INFINITY:
                    value = min(value, hard)
                resource.setrlimit(getattr(resource, name), (value, value))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an OSError instead of death

    def sweep(self, child):
        """Kill the child and everything it started."""
        for _ in range(200):
            victims = [child, *kernel.descendants(os.getpid())]
            for sign in (signal.SIGSTOP, signal.SIGKILL):
                for pid in victims:
                    kernel.kill(pid, sign)
            if not kernel.reap_all():
                return
            time.sleep(0.005)


class Landlock(Process):
    """An ordinary user without namespaces: files by Landlock, the rest by seccomp."""

    name = "landlock"

    def confine(self):
        os.setsid()
        os.chdir(self.tree.scratch)
        self.limit()
        devices = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"]
        readable = [
            *self.tree.readable(),
            "/proc/self",
            "/proc/meminfo",
            "/proc/cpuinfo",
        ]
        kernel.no_new_privileges()
        kernel.landlock(readable, [self.tree.scratch, *devices])
        kernel.seccomp(same_user=True)


class Uid(Process):
    """Root without namespaces: a spare user, who may read no solutions and no tests."""

    name = "uid"

    def settle(self):
        """Close solutions and tests to all but their owner, once, before grading."""
        for folder in self.tree.closed():
            os.chmod(folder, os.stat(folder).st_mode & 0o7700)

    def prepare(self):
        super().prepare()
        for path in (os.__file__, sys.executable, self.tree.library + "/modules"):
            path = Path(path).resolve()
            for parent in path.parents:
                if not os.stat(parent).st_mode & 0o001:
                    raise OSError(f"{parent} is closed to other users")

    def confine(self):
        os.setsid()
        uid = FIRST_UID + self.slot
        os.chown(self.tree.scratch, uid, uid)
        os.chdir(self.tree.scratch)
        self.limit(processes=False)
        self.become(uid)
        kernel.seccomp()

    def become(self, uid):
        import resource

        bound = (self.limits.processes, self.limits.processes)
        resource.setrlimit(resource.RLIMIT_NPROC, bound)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        kernel.no_new_privileges()

    def sweep(self, child):
        """Kill by user id: the one call that a fork bomb cannot outrun."""
        if (helper := os.fork()) == 0:
            try:
                os.setresuid(*[FIRST_UID + self.slot] * 3)
                os.kill(-1, signal.SIGKILL)
            finally:
                os._exit(0)
        os.waitpid(helper, 0)
        super().sweep(child)
        self.remove_files()

    def remove_files(self):
        """Remove what the spare user left in the folders that anyone may write."""
        for folder in ("/tmp", "/var/tmp", "/dev/shm"):
            for path in Path(folder).glob("*"):
                try:
                    if path.lstat().st_uid == FIRST_UID + self.slot:
                        remove(path)
                except FileNotFoundError:
                    continue  # somebody else's, who has removed it just now


class Namespaces(Uid):
    """Root or a user namespace: a tree, a network and processes of its own."""

    name = "namespaces"

    def settle(self):
        """The tree holds no solutions and no tests: nothing to close."""

    def prepare(self):
        uid, gid = os.getuid(), os.getgid()
        flags = (
            kernel.CLONE_NEWPID
            | kernel.CLONE_NEWNET
            | kernel.CLONE_NEWIPC
            | kernel.CLONE_NEWUTS
        )
        self.user = uid != 0
        kernel.unshare(flags | (kernel.CLONE_NEWUSER if self.user else 0))
        if self.user:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"1000 {uid} 1")
            Path("/proc/self/gid_map").write_text(f"1000 {gid} 1")

    def confine(self):
        os.setsid()  # kill(0, …) reaches a process group across namespaces
        kernel.unshare(kernel.CLONE_NEWNS)
        self.build_tree()
        self.limit(processes=False)
        if self.user:
            import resource

            bound = (self.limits.processes, self.limits.processes)
            resource.setrlimit(resource.RLIMIT_NPROC, bound)
            kernel.no_new_privileges()
            kernel.drop_capabilities()
        else:
            self.become(FIRST_UID + self.slot)
        kernel.seccomp()

    def build_tree(self):
        """Mount the allow-listed tree read-only, and make it the root."""
        kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
        root = self.tree.scratch
        kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID, "size=1m,mode=755")
        for device in ("null", "zero", "urandom", "random"):
            kernel.bind(f"/dev/{device}", f"{root}/dev/{device}", device=True)
        for path in self.tree.readable():
            if os.path.islink(path):
                os.makedirs(os.path.dirname(root + path), exist_ok=True)
                os.symlink(os.readlink(path), root + path)
            elif not os.path.exists(root + path):
                kernel.bind(path, root + path)
        inside = "uid=1000" if self.user else f"uid={FIRST_UID + self.slot}"
        os.mkdir(root + "/proc")
        os.mkdir(root + SCRATCH)
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        kernel.mount("proc", root + "/proc", "proc", flags | kernel.MS_NOEXEC)
        size = f"size={self.limits.file_size},nr_inodes=10000,mode=700,{inside}"
        kernel.mount("tmpfs", root + SCRATCH, "tmpfs", flags, size)
        kernel.make_read_only(root)
        os.chdir(root)
        kernel.pivot_root()
        os.chdir(SCRATCH)

    def sweep(self, child):
        """The first process of a PID namespace takes all others with it."""
        kernel.kill(child, signal.SIGKILL)
        kernel.reap_all(wait=True)


def remove(path):
    """Remove a file or folder, also one made to be closed or endlessly deep."""
    opening = [] if os.path.islink(path) else [["chmod", "-R", "u+rwx"]]
    for command in (*opening, ["rm", "-rf"]):
        subprocess.run([*command, "--", path], stderr=subprocess.DEVNULL)


STRONGEST_FIRST = (Namespaces, Uid, Landlock, Process)


def backend_class(name):
    return next(b for b in STRONGEST_FIRST if b.name == name)


def why_not(backend, tree, limits):
    """Return why a backend cannot be used here, or None: by doing it in a child."""
    if not hasattr(os, "fork"):
        return None if backend is Process else "this system cannot fork"
    if backend is not Process and not sys.platform.startswith("linux"):
        return "needs Linux"
    if backend is Uid and os.getuid() != 0:
        return "needs root"
    reading, writing = os.pipe()
    if (outer := os.fork()) == 0:
        try:
            os.close(reading)
            chosen = backend(tree, limits, SLOTS)
            chosen.prepare()
            if (inner := os.fork()) == 0:
                _attempt(chosen.confine, writing)
            os.waitpid(inner, 0)
        except BaseException as e:
            os.write(writing, f"{type(e).__name__}: {e}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(outer, 0)
    with open(reading) as f:
        said = f.read()
    return None if said == "fine" else said or "it ended without a word"


def _attempt(confine, writing):
    try:
        confine()
        os.write(writing, b"fine")
    except BaseException as e:
        os.write(writing, f"{type(e).__name__}: {e}".encode())
    finally:
        os._exit(0)


def strongest(tree, limits):
    """Return the first backend that works here, and why those before it do not."""
    refused = {}
    for backend in STRONGEST_FIRST:
        reason = why_not(backend, tree, limits)
        if reason is None:
            return backend, refused
        refused[backend.name] = reason
    raise OSError(f"no sandbox works on this machine: {refused}")
