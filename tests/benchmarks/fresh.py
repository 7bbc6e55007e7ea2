"""A pytest plugin: an exercise's checks with the learner's file in the same process.

What an autograder without a warm process does: import TensorFlow, then the file. The
benchmarks run it as `python -m pytest --noconftest -p tests.benchmarks.fresh TEST`,
with the learner's file in the environment variable BENCH_SUBMISSION.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from course.sandbox import client, direct

failed = set()


def pytest_runtest_logreport(report):
    if report.failed:
        failed.add(report.nodeid.rpartition("::")[2])


@pytest.fixture(scope="module")
def session(request):
    path = Path(os.environ["BENCH_SUBMISSION"])
    forbidden = getattr(request.module, "FORBIDDEN", ())
    with direct.fresh() as found:
        client.load(found, (path.name, path.read_bytes()), forbidden)
        yield found


@pytest.fixture
def submission(session, request):
    check = request.function
    if check.after in failed:
        pytest.skip("waits for its parts, as in the course's own grader")
    session.start(check.__name__, 0, check.seconds)
    return session.root


@pytest.fixture
def rng():
    return np.random.default_rng(0)
