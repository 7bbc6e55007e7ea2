"""The command `override`: points given by hand, with a reason and an author."""

import math

from course import present
from course.batch import grades
from course.batch.run import Run
from course.catalog import Course
from course.cli import UsageError


def override(options):
    """Note the points; results and what they were graded from stay as they are."""
    run = Run.existing(options.folder)
    exercise = Course().exercise(options.exercise).name
    if options.student not in run.students():
        raise UsageError(f"nobody called {options.student} has handed anything in")
    points = number(options.points)
    if not options.reason.strip() or not options.author.strip():
        raise UsageError("--reason and --author must say something")
    given = (options.student, exercise, points, options.reason, options.author)
    grades.override(run, *given)
    mark = grades.Grades(run).marks.get((options.student, exercise))
    who = present.one_line(options.student)
    if mark is None:
        print(f"noted; the policy does not count {exercise}")
    else:
        shown = "no points yet" if mark.points is None else f"{mark.points:g} points"
        print(f"{who}, {exercise}: {shown} of {mark.max_score:g}")
        if points is not None and points > mark.max_score:
            print("that is more than the exercise has")
    run.close()


def number(text):
    """Return the points, or None for none.

    Raises:
        UsageError: it is no number of points.
    """
    if text == "none":
        return None
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not (math.isfinite(points) and points >= 0):
        raise UsageError(f"POINTS is a number, 0 or more, or none; got {text}")
    return points
