"""The command `grade-all`: thousands of submissions, each graded once."""

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from course import grade, present
from course.batch import merge, policy
from course.batch.files import put
from course.batch.plan import Plan, check_hidden, environment, names_of
from course.batch.run import Run
from course.batch.workers import Job, Local, doubtful
from course.catalog import Course
from course.cli import FAULT, OK, UsageError, needs
from course.sandbox import channel


def grade_all(options):
    """Grade what is new or changed; return the exit code."""
    check(options)
    needs("numpy", "tensorflow", "keras")
    if options.policy:
        given = policy.read(existing(options.policy))
        policy.check_exercises(options.policy, given, Course())
    key = options.key
    if options.merge and not key and not Path(options.out, "run.key").exists():
        key = Run.existing(options.merge[0]).folder / "run.key"
    run = Run(options.out, key)
    with only_one(run):
        if options.policy:
            put(run.folder / policy.NAME, given.text.encode())
        if options.merge:
            for line in merge.merge(run, options.merge):
                print(line, file=sys.stderr)
            run.index()
            return told(run, [], 0, 0.0)
        return everything(options, run)


def check(options):
    if bool(options.merge) == bool(options.submissions):
        raise UsageError("say which folder of submissions to grade, or --merge DIR…")
    if options.submissions and not Path(options.submissions).is_dir():
        raise UsageError(f"{options.submissions} is no folder: see course collect")
    if options.jobs < 1:
        raise UsageError(f"--jobs is 1 or more, got {options.jobs}")


def existing(policy_file):
    if not Path(policy_file).is_file():
        raise UsageError(f"{policy_file} is no policy file: see course/instructors.md")
    return Path(policy_file)


def shard(text):
    """Return (i, N) of --shard i/N."""
    number, _, total = text.partition("/")
    if not (
        number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)
    ):
        raise UsageError(f"--shard is i/N with i from 1 to N, got {text}")
    return int(number), int(total)


def everything(options, run):
    """Grade a folder into a run."""
    course = Course()
    hidden = remembered(run, check_hidden(course, options.hidden))
    plan = Plan(run, course, Path(options.submissions), hidden)
    exercises = [course.exercise(name).name for name in options.exercise]
    number, total = shard(options.shard)
    handed, left_out = plan.read(options.student, exercises, (number, total))
    if not handed and not left_out:
        raise UsageError(f"no submission in {options.submissions}: see course collect")
    rows = [
        (h.student, *(w.exercise, w.sha256, w.unit), h.file, h.time, h.late)
        for h in handed
        for w in [h.work]
    ]
    run.hand_in(rows, left_out)
    run.name(names_of(plan.manifest))
    note_shard(run, number, total)
    rules = policy.read(run.folder / policy.NAME)
    absent = set(rules.extra_days) - run.students() if total == 1 else ()
    for student in sorted(absent):
        who = present.one_line(student)
        print(f"extra days for {who}, who has handed nothing in", file=sys.stderr)
    states = run.index()
    units = {h.work.unit: h.work for h in handed}
    if rules.attempts == "best":
        units |= {work.unit: work for work in plan.earlier(handed)}
    again = set() if options.again else {u for u, s in states.items() if s == "final"}
    todo = [work for unit, work in units.items() if unit not in again]
    unsure = [w for w in todo if states.get(w.unit) == "unsure" and not options.again]
    started = time.monotonic()
    if todo:
        prepared = [grade.Unit(name, None) for name in {w.exercise for w in todo}]
        with workers(options, course, prepared) as pool:
            work_off(run, plan, pool, [w for w in todo if w not in unsure], unsure)
    for line in left_out:
        print(f"left out  {present.one_line(line)}", file=sys.stderr)
    return told(run, units, len(todo), time.monotonic() - started)


def note_shard(run, number, total):
    """Remember which shards of a class this run holds: see `merge`."""
    if total > 1:
        known = json.loads(run.noted("shards") or "[]")
        run.note("shards", json.dumps([*known, [number, total]]))


def remembered(run, hidden):
    """Return the folder of hidden checks: a run keeps to the one it was begun with.

    Raises:
        UsageError: it is not there any more.
    """
    if hidden:
        run.note("hidden", str(hidden))
        return hidden
    known = run.noted("hidden")
    if known and not Path(known).is_dir():
        raise UsageError(
            f"the hidden checks of this run are gone: {known}; say --hidden"
        )
    if known:
        print(f"with the hidden checks of {known}, as before")
    return Path(known) if known else None


@contextmanager
def workers(options, course, prepared):
    """Yield who judges: this machine, or a cluster."""
    if options.scheduler or options.dask:
        from course.batch import cluster

        with cluster.Dask(options, environment(course.root)) as pool:
            yield pool
        return
    with grade.sandboxes(options) as path:
        if not options.allow_unsafe:
            grade.refuse_unsafe(path)
        grade.prepare_data(course, prepared, path)
        with Local(course, path, options.jobs) as pool:
            yield pool


def work_off(run, plan, pool, todo, unsure):
    """Judge units, then confirm alone those whose result may be the machine's doing."""

    def job(work):
        hidden = plan.hidden_of(work.exercise)
        return Job(work.exercise, work.path, work.shown, work.seed, hidden)

    unsure = list(unsure)
    with present.progress(len(todo) + len(unsure)) as step:
        for index, result in pool.results([job(work) for work in todo]):
            work = todo[index]
            if doubtful(result):
                unsure.append(work)
                run.keep(work, result, "unsure")
                continue
            run.keep(work, result, state_of(result))
            step()
        for work in unsure:
            result = pool.alone(job(work))
            run.keep(work, result, state_of(result))
            step()


def state_of(result):
    return "fault" if "fault" in result else "final"


@contextmanager
def only_one(run):
    """Keep the folder of a run to one command at a time."""
    held = channel.lock(run.folder / ".lock")
    if held is None:
        raise UsageError(f"another grade-all is writing to {run.folder}: wait for it")
    try:
        yield
    finally:
        run.close()
        held.close()


def told(run, units, fresh, seconds):
    """Print what came of it; return the exit code."""
    rows = run.book.execute(
        "SELECT exercise, COUNT(*), SUM(state = 'final'), AVG(score), MAX(max_score) "
        "FROM gradebook GROUP BY exercise ORDER BY exercise"
    ).fetchall()
    faults = run.book.execute(
        "SELECT student, exercise FROM gradebook WHERE state = 'fault'"
    ).fetchall()
    for name, count, final, mean, most in rows:
        points = f"mean {mean:.1f} of {most:g}" if final else "none graded"
        print(f"{name}   {count} handed in, {points}")
    known = len(units) - fresh
    print(f"{fresh} graded in {seconds:.0f} s, {known} known from before: {run.folder}")
    for student, exercise in faults:
        print(f"the grader failed on {present.one_line(student)}, {exercise}")
    print(f"Next: python -m course report {os.path.relpath(run.folder)}")
    return FAULT if faults else OK
