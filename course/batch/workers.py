"""Who does the units of work: processes of this machine.

`Local` and `cluster.Dask` do the same: take a job, give back the judged result.
"""

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from course import judging
from course.judge import GraderFault
from course.sandbox import channel, client

TRIES = 2  # of a unit, where the grader itself fails


@dataclass(frozen=True)
class Job:
    """What a judge needs to do one unit of work."""

    exercise: str
    path: Path
    shown: str
    seed: str
    hidden: Path | None = None


class Local:
    """Judge on this machine, some units at a time.

    Args:
        course: a `catalog.Course`.
        sandboxes: the socket of a warm process.
        jobs: int, units at a time.
    """

    def __init__(self, course, sandboxes, jobs):
        self.course, self.sandboxes = course, sandboxes
        self.pool = ThreadPoolExecutor(jobs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown(cancel_futures=True)

    def results(self, jobs):
        """Yield (index, result) of jobs as they are done."""
        waiting = {self.pool.submit(self.one, job): i for i, job in enumerate(jobs)}
        for done in as_completed(list(waiting)):
            yield waiting.pop(done), done.result()

    def one(self, job):
        with machine(shared=True):
            return result_of(self.course, self.sandboxes, job)

    def alone(self, job):
        """Return the result of a job while nothing else is judged here."""
        with machine(shared=False):
            return result_of(self.course, self.sandboxes, job)


@contextmanager
def machine(shared):
    """Use the machine beside others, or alone: runs of one user heed each other."""
    if not channel.UNIX:
        yield
        return
    import fcntl

    with open(channel.private_folder() / "machine.lock", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def result_of(course, sandboxes, job):
    """Return the result of a job, or {"fault": …} after a few tries; never raises."""
    for _ in range(TRIES):
        try:
            what = (job.exercise, job.path, job.shown, job.seed, sandboxes)
            return judging.judged(course, *what, hidden=job.hidden)
        except (GraderFault, client.SandboxFault, OSError) as e:
            fault = {"fault": str(e)}
    return fault


def doubtful(result):
    """Return whether a result may be the machine's doing: late, or killed from outside.

    Such a result is confirmed by a run alone before it counts.
    """
    return any(
        check["status"] == "timeout"
        or (check["status"] == "crashed" and "(signal 9)" in check["message"])
        for check in result.get("checks", ())
    )
