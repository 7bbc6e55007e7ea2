"""The red team's corpus against a plain pytest grader, which runs it beside the checks.

The plain grader is what most courses have: a test file that imports the submission and
compares with np.allclose. It runs as a user who may write nowhere; attacks that would
harm the machine all the same are left out. This grader meets all of them in
tests/redteam, where every undeserved point fails a test.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as xml

from course.catalog import ROOT
from tests.benchmarks.measure import Row, warm
from tests.redteam import attack

PATIENCE = 20  # seconds that a whole plain run may take
NOBODY = 65534
CHECKS = """
import numpy as np
import submission

class Tensor(np.ndarray):
    def numpy(self):
        return np.asarray(self)

rng = np.random.default_rng()

def test_scale():
    x, k = rng.normal(size=(2, 3)).view(Tensor), float(rng.normal())
    want = k * np.asarray(x)
    assert np.allclose(submission.scale(x, k), want)

def test_total():
    x = rng.normal(size=(2, 3)).view(Tensor)
    want = float(np.asarray(x).sum())
    assert np.allclose(submission.total(x), want)
"""


def redteam():
    """Run the corpus against both graders."""
    chosen = [a for a in attack.attacks() if not a.danger]
    plain = Counter(against_pytest(one) for one in chosen)
    with tempfile.TemporaryDirectory() as folder:
        target = attack.exercise(Path(folder))
        places = {"LIBRARY": ROOT, "SECRET": "/etc/shadow", "TMP": folder, "PORT": 9}
        raid, _ = attack.raid(chosen, target, warm(), 2, **places)
    ours = sum(result["score"] > 0 for result in raid.values())
    count = len(chosen)
    yield Row(f"{count} attacks on a plain pytest grader: points", f"{plain['points']}")
    yield Row("  no report, which some take for a pass", f"{plain['no report']}")
    yield Row("  never ends", f"{plain['hangs']}")
    yield Row("  no harm done", f"{plain['no harm']}")
    yield Row("the same on this grader: points", f"{ours}", "0", ours == 0)


def against_pytest(one):
    """Return what an attack achieves: points, hangs, no report, or no harm."""
    with tempfile.TemporaryDirectory(prefix="plain-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        places = {"LIBRARY": folder, "SECRET": folder, "TMP": folder, "PORT": 9}
        (folder / "submission.py").write_bytes(one.content(**places))
        (folder / "test_plain.py").write_text(CHECKS)
        launch = ROOT / "tests/course/sandbox/launch.py"
        user = [sys.executable, launch, NOBODY] if os.getuid() == 0 else []
        options = ["-q", "-p", "no:cacheprovider", "--junitxml", "report.xml"]
        command = [*user, sys.executable, "-m", "pytest", *options, "test_plain.py"]
        return outcome(folder, [*map(str, command)])


def outcome(folder, command):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    paths = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"}
    try:
        subprocess.run(command, cwd=folder, env=paths, timeout=PATIENCE, **quiet)
    except subprocess.TimeoutExpired:
        return "hangs"
    try:
        cases = xml.parse(folder / "report.xml").getroot().findall(".//testcase")
    except (OSError, xml.ParseError):
        return "no report"
    return "points" if any(len(case) == 0 for case in cases) else "no harm"
