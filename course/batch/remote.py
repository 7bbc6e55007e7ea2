"""What a Dask worker does: one unit of work, judged on the worker's machine.

A worker is started in a copy of the course: see course/instructors.md. It takes and
returns plain text and bytes.
"""

import functools
import json
import multiprocessing
import tempfile
from pathlib import Path

from course import grade
from course.batch import plan, workers
from course.catalog import Course
from course.cli import UsageError
from course.sandbox import client


def work(job, content, hidden):
    """Judge one submission and return its result as JSON text; never raises.

    Args:
        job: JSON text: exercise, shown, seed, and the hashes of the caller's course.
        content: bytes of the submission.
        hidden: bytes of the file with hidden checks, or empty.
    """
    job = json.loads(job)
    # a worker below a nanny is a daemon, and those may start no judges
    multiprocessing.current_process()._config["daemon"] = False
    try:
        with tempfile.TemporaryDirectory(prefix="course-work-") as folder:
            return json.dumps(judged(job, content, hidden, Path(folder)))
    except (UsageError, OSError, client.SandboxFault) as e:
        return json.dumps({"fault": f"on {here()}: {e}"})


def judged(job, content, hidden, folder):
    course = Course()
    if environment() != job["environment"]:
        raise UsageError("another version of the course or its packages is here")
    path = folder / job["shown"]
    path.write_bytes(content)
    hidden_path = None
    if hidden:
        hidden_path = folder / "hidden.py"
        hidden_path.write_bytes(hidden)
    sandboxes = ready(job["exercise"], job["isolation"], job["allow_unsafe"])
    what = workers.Job(job["exercise"], path, job["shown"], job["seed"], hidden_path)
    return workers.result_of(course, sandboxes, what)


@functools.cache
def environment():
    return plan.environment(Course().root)


@functools.cache
def ready(exercise, isolation, allow_unsafe):
    """Return the socket of a warm process, when this exercise can be graded here."""
    sandboxes = client.warm(isolation)
    if not allow_unsafe:
        grade.refuse_unsafe(sandboxes)
    grade.prepare_data(Course(), [grade.Unit(exercise, None)], sandboxes)
    return sandboxes


def here():
    import socket

    return socket.gethostname()
