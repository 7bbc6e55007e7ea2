"""What an autograder of Gradescope runs: python -m course.releasing.gradescope ROOT.

ROOT/submission holds what a student handed in; ROOT/results/results.json will say what
came of it.
"""

import hashlib
import json
import sys
import traceback
from pathlib import Path

from course import collect, grade, judging
from course.batch import policy
from course.batch.files import put
from course.batch.keys import seed_of
from course.batch.plan import hidden_file
from course.batch.workers import Job, doubtful, result_of
from course.catalog import Course
from course.exporting import gradescope
from course.reporting import feedback
from course.sandbox import client

SETTINGS = "package.json"  # lies beside the course: exercises, key
SORRY = "The grader failed, not you: your instructor must look at it."


def main(root):
    """Grade a submission and write results.json, whatever happens."""
    target = root / "results/results.json"
    try:
        found = graded(root)
    except Exception:
        traceback.print_exc()  # Gradescope shows this to instructors
        found = gradescope.results(0.0, [], said=SORRY)
    put(target, json.dumps(found, ensure_ascii=False, indent=1).encode())


def graded(root):
    course = Course()
    source = course.root.parent
    settings = json.loads((source / SETTINGS).read_text("utf-8"))
    rules = policy.read(source / policy.NAME)
    files = handed_in(course, root / "submission", settings["exercises"])
    results, said = {}, []
    with client.cold() as sandboxes:
        grade.refuse_unsafe(sandboxes)
        for name in settings["exercises"]:
            if name not in files:
                said.append(f"There is no {name.rpartition('/')[2]}.py in your files.")
                continue
            grade.prepare_data(course, [grade.Unit(name, files[name])], sandboxes)
            results[name] = judged(course, name, files[name], settings, sandboxes)
    return summary(results, said, rules.hidden, len(settings["exercises"]) > 1)


def judged(course, name, path, settings, sandboxes):
    exercise = course.exercise(name)
    sha256 = hashlib.sha256(judging.content(path) or b"").hexdigest()
    hidden = hidden_file(course.root.parent / "hidden", exercise)
    seed = seed_of(settings["key"], name, sha256)
    job = Job(name, path, exercise.short + path.suffix, seed, hidden)
    result = result_of(course, sandboxes, job)
    if doubtful(result):  # late once may be the machine's doing
        result = result_of(course, sandboxes, job)
    return result


def handed_in(course, folder, exercises):
    """Return {exercise: path} of the files of a submission, by their names."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix not in grade.SUFFIXES:
            continue
        name = collect.exercise_of(course, path.relative_to(folder))
        if name is None and len(exercises) == 1:
            name = exercises[0]  # there is only one that it can be
        if name in exercises:
            found.setdefault(name, path)
    return found


def summary(results, said, level, several):
    """Return what Gradescope reads."""
    checks, silent, silent_points, points, seconds = [], 0, 0.0, 0.0, 0.0
    for name, result in results.items():
        if "fault" in result:
            raise RuntimeError(result["fault"])
        told, count, worth = feedback.visible(result, level)
        prefix = f"{name.rpartition('/')[2]}: " if several else ""
        checks += [{**check, "title": prefix + check["title"]} for check in told]
        silent, silent_points = silent + count, silent_points + worth
        points, seconds = points + result["score"], seconds + result["seconds"]
    found = gradescope.results(
        points, checks, (silent, silent_points), "\n".join(said), seconds
    )
    seeds = {name: result["seed"] for name, result in results.items()}
    backend = [r["isolation"].get("backend") for r in results.values()][:1]
    return {**found, "extra_data": {"seeds": seeds, "isolation": backend}}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
