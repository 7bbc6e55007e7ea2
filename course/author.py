"""The author's commands: stubs, check."""

import sys

from course.catalog import Course
from course.cli import LOST, UsageError


def stubs(options):
    """Compare or write the learners' files and records."""
    from course import authoring, diagnosis
    from course import stubs as grammar
    from course.sandbox import client

    course = with_solutions()
    wrong = 0
    sandboxes = client.warm()
    for exercise in course.sources(options.exercises):
        try:
            stub, record, trials = authoring.generate(exercise, sandboxes)
        except (grammar.MarkError, ValueError) as e:
            print(e, file=sys.stderr)
            wrong += 1
            continue
        for trial in trials:
            if not trial.lost or not trial.named(record):
                wrong += 1
                fate = "is not named" if trial.lost else "loses no points"
                print(f"{exercise.solution}:{trial.mutant.line}: this WRONG {fate}")
        known = diagnosis.read(exercise)
        path = exercise.assignment
        now = path.read_text("utf-8") if path.exists() else None
        if now == stub and authoring.same_record(known, record):
            continue
        if not options.write:
            wrong += 1
            print(f"{path} differs: python -m course stubs --write {exercise.name}")
            continue
        edited = now is not None and (known is None or now != known["stub"])
        if edited and now != stub and not options.force:
            raise UsageError(f"{path} holds somebody's work: --force writes over it")
        authoring.write(exercise, stub, record)
        print(f"wrote {path}")
    return LOST if wrong else None


def check(options):
    """Check the rules and print every breach with what to do."""
    from course import rules

    with_solutions()
    breaches = 0
    for rule in rules.RULES:
        if options.quick and rule in rules.SLOW:
            continue
        for breach in rule(Course()):
            breaches += 1
            print(breach)
    print(f"{breaches} breaches" if breaches else "all rules hold")
    return LOST if breaches else None


def with_solutions():
    course = Course()
    if not (course.root / "solutions").is_dir():
        raise UsageError("this is a students' copy: it has nothing for authors")
    return course
