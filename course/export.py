"""The command `export`: the gradebook in the formats of other tools."""

import csv
import io
import json
import sys
from pathlib import Path

from course import present
from course.batch.files import put
from course.batch.run import Run
from course.catalog import Course
from course.cli import UsageError
from course.exporting import canvas, github, gradescope, junit, moodle, sheets
from course.reporting.outcomes import Outcomes
from course.reporting.pages import short

SHEETS = {"canvas": canvas.fill, "moodle": moodle.fill}
NOT_GRADES = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
NOT_GRADES += ("Identifier", "Full name", "Email address", "ID number", "Status")
FORMATS = (*SHEETS, "gradescope", "csv", "jsonl", "junit", "github")


def export(options):
    """Write the gradebook."""
    if options.to not in FORMATS:
        raise UsageError(f"--to is one of {', '.join(FORMATS)}, got {options.to}")
    run = Run.existing(options.folder)
    run.index()
    if options.to == "github" and not options.student:
        raise UsageError("--to github is for one student's repository: say --student")
    outcomes = Outcomes(run)
    marks = chosen(outcomes, options)
    if options.to in SHEETS:
        fill(outcomes, marks, options)
    elif options.to == "gradescope":
        folder_of_results(outcomes, marks, options)
    else:
        text = TEXTS[options.to](outcomes, marks)
        written(text.encode("utf-8", "replace"), options.out)
    for mark in marks:
        if mark.open:
            who = present.one_line(mark.student)
            print(f"no points yet: {who}, {mark.exercise}", file=sys.stderr)
    run.close()


def chosen(outcomes, options):
    """Return the marks that the command line names.

    Raises:
        UsageError: there are none.
    """
    grades = outcomes.grades
    exercise = Course().exercise(options.exercise).name if options.exercise else None
    for name, known in (
        (exercise, grades.exercises),
        (options.student, grades.students),
    ):
        if name and name not in known:
            raise UsageError(f"there is nothing of {name} in {options.folder}")
    marks = [
        mark
        for mark in grades.marks.values()
        if exercise in (None, mark.exercise) and options.student in (None, mark.student)
    ]
    if not marks:
        raise UsageError(
            f"nobody has handed anything in: see grade-all {options.folder}"
        )
    return marks


def points_of(outcomes, marks, exercise):
    """Return {student: points} of one exercise, or of all that counts.

    None where the points are not yet known.
    """
    if exercise:
        return {mark.student: mark.points for mark in marks}
    unknown = {mark.student for mark in marks if mark.open}
    totals = {m.student: outcomes.grades.total(m.student)[0] for m in marks}
    return totals | dict.fromkeys(unknown)


def known_students(run):
    """Return {student: (name, ids)} as the learning platform told."""
    rows = run.book.execute("SELECT student, name, ids FROM students")
    return {student: (name, json.loads(ids)) for student, name, ids in rows}


def fill(outcomes, marks, options):
    """Fill a column of the instructor's own sheet."""
    if not options.sheet or not (options.column or options.to == "moodle"):
        raise UsageError(
            f"--to {options.to} fills your own exported sheet: say --sheet FILE and "
            "--column NAME"
        )
    path = Path(options.sheet)
    if not path.is_file():
        raise UsageError(f"{path} does not exist: export it from {options.to} first")
    sheet = sheets.Sheet(path.read_bytes(), path.name)
    column = sheet.column(options.column or "Grade")
    check_column(sheet, column)
    points = points_of(outcomes, marks, options.exercise)
    students = known_students(outcomes.run)
    missing, strangers = SHEETS[options.to](sheet, column, points, students)
    if len(missing) == len(points):
        raise UsageError(f"nobody of this run is in {path}: is it of another class?")
    out = Path(options.out) if options.out else path.with_stem(f"{path.stem}-filled")
    put(out, sheet.content())
    for student in missing:
        print(f"no row for {present.one_line(student)}", file=sys.stderr)
    for name in strangers:
        print(f"nothing from {present.one_line(name)}", file=sys.stderr)
    print(f"{len(sheet.changes)} cells of {sheet.header[column]} filled: {out}")


def check_column(sheet, column):
    """See that a column is one for points.

    Raises:
        UsageError: it says who somebody is, or Canvas computes it.
    """
    name = sheet.header[column]
    cells = [row[column].text for row in sheet.rows[1:3] if column < len(row)]
    if name in NOT_GRADES or any("read only" in cell for cell in cells):
        raise UsageError(f"{sheet.name}: {name} is no column for points")


def folder_of_results(outcomes, marks, options):
    """Write a results.json for each student."""
    if not options.out:
        raise UsageError("--to gradescope writes a file a student: say --out FOLDER")
    names = sorted({mark.student for mark in marks})
    for student in names:
        own = [mark for mark in marks if mark.student == student]
        found = as_results(outcomes, own)
        path = Path(options.out) / f"{short(student)}.json"
        put(path, json.dumps(found, ensure_ascii=False, indent=1).encode())
    print(f"{len(names)} files are in {options.out}")


def as_results(outcomes, marks):
    """Return Gradescope's results of one student's marks."""
    checks, silent, silent_points, seconds = [], 0, 0.0, 0.0
    for mark in marks:
        told, count, worth = outcomes.visible(mark)
        for check in told:
            name = mark.exercise.rpartition("/")[2]
            checks.append({**check, "title": f"{name}: {check['title']}"})
        silent, silent_points = silent + count, silent_points + worth
        found = outcomes.results.get((mark.student, mark.exercise), {})
        seconds += found.get("seconds") or 0.0
    points = sum(mark.points or 0.0 for mark in marks if not mark.dropped)
    said = "\n".join(filter(None, map(remark, marks)))
    return gradescope.results(points, checks, (silent, silent_points), said, seconds)


def remark(mark):
    """Return what makes a mark other than the points of its checks, or None."""
    name = mark.exercise.rpartition("/")[2]
    if mark.dropped:
        return f"{name} does not count."
    if mark.override:
        given = mark.override
        why = f"{given['reason']} ({given['author']})"
        return f"{name}: {mark.points:g} points were given by hand: {why}."
    if mark.counted and mark.counted.points != mark.counted.score:
        days, kept = mark.counted.days_late, mark.counted.points
        return f"{name}: {days} days late, {kept:g} of {mark.counted.score:g} kept."
    return None


def as_csv(outcomes, marks):
    """Return a row a student: points by exercise, and of all that counts."""
    students = known_students(outcomes.run)
    exercises = [
        e for e in outcomes.grades.exercises if e in {m.exercise for m in marks}
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["student", "name", *exercises, "points", "of"])
    for student in sorted({mark.student for mark in marks}):
        own = [outcomes.grades.marks[student, name] for name in exercises]
        cells = [student, students.get(student, (student, {}))[0]]
        total = [sheets.number(n) for n in outcomes.grades.total(student)]
        shown = ["" if m.points is None else sheets.number(m.points) for m in own]
        writer.writerow([*map(sheets.harmless, cells), *shown, *total])
    return text.getvalue()


def as_jsonl(outcomes, marks):
    """Return a line a mark: the result, with who, when and what it counts."""
    students = known_students(outcomes.run)
    lines = []
    for mark in marks:
        name, ids = students.get(mark.student, (mark.student, {}))
        result = outcomes.results.get((mark.student, mark.exercise), {})
        attempt = mark.counted
        facts = {
            "student": mark.student,
            "name": name,
            "ids": ids,
            "exercise": mark.exercise,
            "submission": attempt and attempt.file,
            "handed_in": attempt and attempt.time,
            "days_late": attempt.days_late if attempt else 0,
            "points": mark.points,
            "max_score": mark.max_score,
            "mark": mark.state,
            "dropped": mark.dropped,
            "override": mark.override,
        }
        lines.append(json.dumps({**result, **facts}, ensure_ascii=False) + "\n")
    return "".join(lines)


TEXTS = {
    "csv": as_csv,
    "jsonl": as_jsonl,
    "junit": junit.text,
    "github": github.annotations,
}


def written(content, out):
    if out:
        put(Path(out), content)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
