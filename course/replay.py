"""The command `replay`: the same inputs and the same verdict again, bit for bit."""

from pathlib import Path

from course import catalog, grade, judging, present
from course.batch.plan import check_hidden, hidden_file
from course.batch.run import Run
from course.cli import LOST, OK, UsageError, needs

SAME = ("name", "status", "score", "message", "misconception", "inputs_sha256")


def replay(options):
    """Judge what a result is about once more and compare; return the exit code."""
    needs("numpy", "tensorflow", "keras")
    run = Run.existing(options.folder)
    then = chosen(run, options.result)
    if "checks" not in then:
        raise UsageError(f"the grader failed on this one: {then['fault']}")
    if then["seed"] != run.seed(then["exercise"], then["submission_sha256"]):
        print("its seed is not the one that follows from the run's key")
    now = again(run, then, options)
    differing = differences(then["checks"], now["checks"])
    for line in differing:
        print(present.clean(line))
    if then["exercise_sha256"] != now["exercise_sha256"]:
        print("The checks have changed since, or --hidden DIR names other ones.")
    if differing:
        return LOST
    present.result(now)
    print(f"\nThe same inputs and the same verdict, seed {then['seed']}.")
    return OK


def chosen(run, name):
    """Return the result that a unit, a file or STUDENT/EXERCISE names."""
    unit = Path(name).stem if name.endswith(".json") else name
    student, _, exercise = name.partition("/")
    row = run.book.execute(
        "SELECT unit FROM gradebook WHERE unit = ? OR (student = ? AND exercise = ?)",
        [unit, student, exercise],
    ).fetchone()
    result = run.read(row[0] if row else unit)
    if result is None:
        raise UsageError(
            f"there is no result {name} in {run.folder}: say STUDENT/EXERCISE, or the "
            "name of a file in results"
        )
    return result


def again(run, then, options):
    """Return the result of the same file and seed now."""
    course = catalog.Course()
    exercise = course.exercise(then["exercise"])
    hidden = hidden_file(check_hidden(course, options.hidden), exercise)
    path = run.file(then["submission_sha256"], then["suffix"])
    with grade.sandboxes(options) as sandboxes:
        if not options.allow_unsafe:
            grade.refuse_unsafe(sandboxes)
        grade.prepare_data(course, [grade.Unit(exercise.name, path)], sandboxes)
        what = (exercise.name, path, exercise.short + path.suffix, then["seed"])
        return judging.judged(course, *what, sandboxes, alone=True, hidden=hidden)


def differences(then, now):
    """Return lines that say in which checks two results differ."""
    found = []
    after = {check["name"]: check for check in now}
    for before in then:
        check = after.pop(before["name"], None)
        if check is None:
            found.append(f"{before['name']}: it is not tried any more")
            continue
        for key in SAME:
            if before[key] != check[key]:
                found.append(
                    f"{check['name']}: {key} was {before[key]!r}, is {check[key]!r}"
                )
    return found + [f"{name}: it was not tried then" for name in after]
