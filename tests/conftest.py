"""Fixtures: the autograders' `submission` and `rng`, and one warm process for all."""

import os
import shutil
import tempfile

import numpy as np
import pytest

from course.catalog import Course


def pytest_addoption(parser):
    parser.addoption(
        "--mine", action="store_true", help="check assignments/, not solutions/"
    )


def pytest_configure(config):
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    config.private = tempfile.mkdtemp(prefix="course-test-")
    os.environ["COURSE_RUN_DIR"] = config.private
    os.environ["COURSE_PROGRESS"] = os.path.join(config.private, "progress.json")


def pytest_unconfigure(config):
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    from course.sandbox import client

    for pid_file in client.channel.private_folder().glob("*.pid"):
        client.stop(pid_file)
    shutil.rmtree(config.private, ignore_errors=True)


@pytest.fixture(scope="session")
def sandboxes():
    """The socket of a warm process with the strongest isolation there is."""
    from course.sandbox import client

    return client.warm()


@pytest.fixture(scope="module")
def session(request, sandboxes):
    """A sandbox that has loaded the solution, or with --mine the learner's file."""
    from course.sandbox import client

    root = request.config.rootpath
    name = request.path.relative_to(root / "tests/assignments")
    name = name.with_name(name.name.removeprefix("test_"))
    exercise = Course(root).exercise(name.as_posix())
    mine = request.config.getoption("mine")
    path = exercise.assignment if mine else exercise.solution
    forbidden = getattr(request.module, "FORBIDDEN", ())
    submission = (path.name, path.read_bytes())
    with client.sandbox(sandboxes, submission, forbidden) as found:
        yield found


@pytest.fixture
def submission(session, request):
    """What a check calls: the learner's file, in its sandbox."""
    session.start(request.function.__name__, 0, request.function.seconds)
    return session.root


@pytest.fixture
def rng():
    """Inputs that are the same in every run of the tests."""
    return np.random.default_rng(0)
