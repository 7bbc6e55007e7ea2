"""The command `grade`: one submission, several, or a folder of students."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from course import judge, judging, present, progress
from course.catalog import Course, NotFound
from course.cli import FAULT, LOST, OK, UsageError, needs
from course.data import embedded
from course.data.load import data_dir
from course.sandbox import client, isolation

SUFFIXES = (".py", ".ipynb")


@dataclass(frozen=True)
class Unit:
    """One submission to one exercise; `student` is empty for the learner's own."""

    exercise: str
    path: Path
    student: str = ""

    @property
    def shown(self):
        """The path as the user would write it."""
        path = os.path.relpath(self.path)
        return str(self.path) if path.startswith("..") else path


def grade(options):
    """Grade and print; return the exit code."""
    needs("numpy", "tensorflow", "keras")
    course = Course()
    units, left_out = collect(course, options)
    if options.debug:
        return debug(course, units, options)
    names = [b.name for b in isolation.STRONGEST_FIRST]
    if options.isolation not in ("auto", *names):
        raise UsageError(f"--isolation is one of {', '.join(names)}")
    if options.jobs < 1:
        raise UsageError(f"--jobs is 1 or more, got {options.jobs}")
    own = not any(unit.student for unit in units)
    with sandboxes(options) as path:
        if not own and not options.allow_unsafe:
            refuse_unsafe(path)
        prepare_data(course, units, path)
        if len(units) == 1:
            results = [result_of(course, units[0], options, path, alone=True)]
        else:
            results = grade_many(course, units, options, path)
    return conclude(units, results, left_out, options)


def prepare_data(course, units, path):
    """Build the data sets that the exercises need: a sandbox can only read them."""
    names = {n for u in units for n in course.exercise(u.exercise).data()}
    if not names:
        return
    folder = data_dir()
    try:
        embedded.prepare(sorted(names), folder)
    except OSError as e:
        raise UsageError(str(e)) from None
    closed = [p for p in (folder, *folder.parents) if not p.stat().st_mode & 0o001]
    if closed and backend_in_force(path) == "uid":
        raise UsageError(
            f"sandboxes cannot read data in {folder}, since {closed[0]} is closed to "
            "other users: set COURSE_DATA to a folder that all may read"
        )


def sandboxes(options):
    if options.cold:
        return client.cold(options.isolation)
    return nullcontext(client.warm(options.isolation))


def backend_in_force(path):
    link = client.Link(path)
    link.end()
    return link.info["isolation"]["backend"]


def refuse_unsafe(path):
    if backend_in_force(path) == "process":
        raise UsageError(
            "this machine cannot keep others' code from your files: use Linux, or "
            "--allow-unsafe if you trust every submission (see course doctor)"
        )


def collect(course, options):
    """Return (units, files left out) that the command line names."""
    if not options.submission:
        if not options.exercise:
            raise UsageError("say which exercise: see python -m course list")
        exercise = course.exercise(options.exercise)
        path = existing(exercise.assignment, f"python -m course reset {exercise.name}")
        return [Unit(exercise.name, path)], []
    wanted = course.exercise(options.exercise).name if options.exercise else None
    units, left_out = [], []
    for given in map(Path, options.submission):
        existing(given, "give a .py or .ipynb file, or a folder of students")
        if given.is_dir():
            found, skipped = of_students(course, given)
            units += [u for u in found if wanted in (None, u.exercise)]
            left_out += skipped
        elif given.suffix not in SUFFIXES or not given.is_file():
            raise UsageError(f"{given} is no .py or .ipynb file")
        else:
            units.append(Unit(wanted or by_path(course, given), given))
    if not units:
        raise UsageError(
            f"no submission in {' '.join(options.submission)}: a folder holds "
            "<student>/<chapter>/<exercise>.py"
        )
    return units, left_out


def existing(path, advice):
    if not path.exists():
        raise UsageError(f"{path} does not exist: {advice}")
    return path


def by_path(course, path):
    """Return the exercise that a file's path ends with."""
    parts = path.resolve().with_suffix("").parts
    for start in range(len(parts)):
        try:
            return course.exercise("/".join(parts[start:])).name
        except NotFound:
            continue
    raise UsageError(
        f"which exercise is {path}? Say: grade EXERCISE --submission {path}"
    )


def of_students(course, folder):
    """Return (units, left out) below a folder `<student>/<chapter>/<exercise>.py`."""
    known = {exercise.name for exercise in course.exercises}
    units, left_out = [], []
    for path in sorted(folder.rglob("*")):
        student, *rest = path.relative_to(folder).parts
        name = "/".join(rest).removesuffix(path.suffix)
        reason = unfit(path, folder)
        if reason:
            left_out.append(f"{path}: {reason}")
        elif path.suffix in SUFFIXES and path.is_file():
            if name in known:
                units.append(Unit(name, path, student))
            else:
                left_out.append(f"{path}: no exercise of this name")
    return units, left_out


def unfit(path, folder):
    """Return why a path is left out, or None."""
    try:
        if path.is_symlink():
            return "a link, not a file"
        if path.is_dir():
            return None if os.access(path, os.R_OK | os.X_OK) else "it cannot be read"
        path.stat()
        str(path.relative_to(folder)).encode()
    except UnicodeEncodeError:
        return "a name that is not UTF-8"
    except OSError:
        return "it cannot be read"
    wanted = path.suffix.lower()
    if wanted in SUFFIXES and path.suffix != wanted:
        return f"its name must end in {wanted}"
    return None


def result_of(course, unit, options, path, alone=False):
    """Return the result of one unit, or {"fault": …}; never raises for one's sake."""
    seed = options.seed or judge.new_seed()
    try:
        job = (unit.exercise, unit.path, unit.shown, seed, path)
        found = judging.judged(course, *job, alone)
    except judge.GraderFault as e:
        found = {"exercise": unit.exercise, "fault": str(e)}
    return {**found, "submission": unit.shown, "student": unit.student}


def grade_many(course, units, options, path):
    """Return the results of many units, in their order, with progress shown."""
    results = [None] * len(units)
    with ThreadPoolExecutor(options.jobs) as pool, present.progress(len(units)) as step:
        waiting = {
            pool.submit(result_of, course, unit, options, path): index
            for index, unit in enumerate(units)
        }
        for done in as_completed(waiting):
            results[waiting[done]] = done.result()
            step()
    return results


def conclude(units, results, left_out, options):
    """Print results, keep the learner's progress, and return the exit code."""
    if options.json:
        write_json(results, options.json)
    if options.json != "-":
        if len(units) == 1:
            present.result(results[0])
        else:
            present.table(results)
    for line in left_out:
        print(f"left out  {present.one_line(line)}", file=sys.stderr)
    course = Course()
    for unit, result in zip(units, results, strict=True):
        if (
            "fault" not in result
            and unit.path == course.exercise(unit.exercise).assignment
        ):
            remember(course.exercise(unit.exercise), result)
    if any("fault" in result for result in results):
        return FAULT
    full = all(result["score"] == result["max_score"] for result in results)
    return OK if full else LOST


def remember(exercise, result):
    """Keep the score, and which functions the first failing check is about."""
    failing = [c["name"] for c in result["checks"] if c["status"] != "passed"][:1]
    try:
        known = json.loads(exercise.record.read_text("utf-8"))["checks"]
        calls = [call for name in failing for call, _ in known[name]["right"]]
    except (OSError, ValueError, KeyError):
        calls = []
    functions = sorted(
        {call.rpartition(" ")[2].rpartition("(")[2].strip(")") for call in calls}
    )
    scores = {key: result[key] for key in ("score", "max_score")}
    progress.update(exercise.name, **scores, failing=functions)


def write_json(results, target):
    kept = [{k: v for k, v in r.items() if k != "printed"} for r in results]
    text = "".join(json.dumps(result) + "\n" for result in kept)
    if target == "-":
        print(text, end="")
        return
    try:
        Path(target).write_text(text, "utf-8")
    except OSError as e:
        raise UsageError(f"{target} cannot be written: {e.strerror}") from None


def debug(course, units, options):
    """Run the same checks with the submission in this process, for breakpoints."""
    from course.sandbox import direct

    results = []
    for unit in units:
        exercise = course.exercise(unit.exercise)
        submission = (unit.shown, judging.content(unit.path))
        seed = options.seed or judge.new_seed()
        result = judge.examine(exercise, submission, seed, direct.fresh)
        results.append({**result, "submission": unit.shown, "student": unit.student})
    return conclude(units, results, [], options)
