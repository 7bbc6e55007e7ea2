"""The command `package`: an autograder for a learning platform, as a zip."""

import json
import secrets
import stat
import zipfile
from pathlib import Path

from course.author import with_solutions
from course.batch import keys, policy
from course.batch.plan import check_hidden, hidden_file
from course.cli import UsageError
from course.releasing import tree
from course.releasing.gradescope import SETTINGS

SCRIPTS = ("setup.sh", "run_autograder")


def package(options):
    """Write the zip: scripts, the tools, the exercises' checks, and no solution."""
    if options.platform != "gradescope":
        raise UsageError(f"--for is gradescope, got {options.platform}")
    course = with_solutions()
    exercises = [course.exercise(name) for name in options.exercise]
    if not exercises:
        raise UsageError(
            "say which exercises a submission holds: --exercise EXERCISE …"
        )
    hidden = check_hidden(course, options.hidden)
    rules = policy.read(Path(options.policy)) if options.policy else policy.Policy()
    settings = {
        "exercises": [exercise.name for exercise in exercises],
        "key": key(options.key),
    }
    out = Path(options.out)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name in SCRIPTS:
            text = (tree.PAGES / f"{name}.gradescope").read_text("utf-8")
            add(file, name, text.encode(), executable=True)
        add(file, SETTINGS, json.dumps(settings).encode(), secret=True)
        add(file, policy.NAME, rules.text.encode())
        for path in tree.of_grader(course, exercises):
            name = f"course/{path.relative_to(course.root).as_posix()}"
            add(file, name, path.read_bytes())
        for exercise in exercises:
            if path := hidden_file(hidden, exercise):
                name = f"hidden/{exercise.chapter}/{path.name}"
                add(file, name, path.read_bytes(), secret=True)
    print(f"{out} is an autograder for {len(exercises)} exercises; upload it as it is")


def key(path):
    """Return the key of the seeds: a run's, or a new one."""
    if path is None:
        return secrets.token_hex(32)
    if not Path(path).is_file():
        raise UsageError(f"{path} does not exist: leave --key out for a new one")
    return keys.read(Path(path))


def add(file, name, content, executable=False, secret=False):
    info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    mode = 0o755 if executable else 0o600 if secret else 0o644
    info.external_attr = (stat.S_IFREG | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    file.writestr(info, content)
