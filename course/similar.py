"""The command `similar`: near-copies among submissions."""

from pathlib import Path

from course import copies, grade, judging, present
from course.catalog import Course
from course.cli import UsageError


def similar(options):
    """Print the pairs that are alike, exercise by exercise."""
    folder = Path(options.submissions)
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder of students")
    if not 0 < options.least <= 1:
        raise UsageError(f"--least is from 0 to 1, got {options.least:g}")
    course = Course()
    units, _ = grade.of_students(course, folder)
    files = {}
    for unit in units:
        if content := judging.content(unit.path):
            # of several, the one that grade-all counts: the first
            files.setdefault(unit.exercise, {}).setdefault(unit.student, content)
    if not files:
        raise UsageError(f"no submission in {folder}")
    found = [
        pair
        for exercise in (course.exercise(name) for name in files)
        for pair in copies.pairs(
            exercise.name,
            files[exercise.name],
            copies.baseline(exercise, course.root),
            options.least,
        )
    ]
    for pair in found:
        print(told(pair))
    for name, by_student in files.items():
        exercise = course.exercise(name)
        for student, content in by_student.items():
            if copies.is_solution(exercise, content, course.root):
                print(f"{name}   {present.one_line(student)}: the published solution")
    count = sum(map(len, files.values()))
    pairs = "1 pair" if len(found) == 1 else f"{len(found)} pairs"
    print(f"{pairs} alike among {count} files; look before you judge")


def told(pair):
    who = " and ".join(map(present.one_line, (pair.first, pair.second)))
    how = "the same file" if pair.same_bytes else f"{pair.alike:.0%} alike"
    return f"{pair.exercise}   {who}: {how}, {pair.shared} runs of tokens"
