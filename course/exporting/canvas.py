"""Canvas: the gradebook as it was exported, with one column filled in.

Canvas matches students by ID, then by SIS User ID, then by SIS Login ID; so do we.
"""

from course.cli import UsageError
from course.exporting import sheets

COLUMNS = {
    "ID": ("canvas_id",),
    "SIS User ID": ("sid", "sis_user_id"),
    "SIS Login ID": ("login", "github", "email"),
}
NOT_STUDENTS = ("points possible", "student, test")


def fill(sheet, column, points, students):
    """Fill a column; return (students without a row, rows without a student).

    Args:
        sheet: a `sheets.Sheet`.
        column: int, its index.
        points: {student: points or None}.
        students: {student: (name, ids)}.
    """
    index = by_identifier(students, points)
    columns = [(i, c) for c in COLUMNS if (i := sheet.find(c)) is not None]
    who = sheet.find("Student") or 0
    found, strangers = set(), []
    for row in sheet.rows[1:]:
        name = row[who].text.strip()
        if len(row) <= column or name.lower() in NOT_STUDENTS:
            continue
        keys = [(c, row[i].text.strip()) for i, c in columns if i < len(row)]
        student = next((index[key] for key in keys if key in index), None)
        if student is None:
            strangers.append(name)
            continue
        if student in found:
            raise UsageError(f"{sheet.name} has two rows for {student}: keep one")
        found.add(student)
        if points[student] is not None:
            sheet.put(row, column, sheets.number(points[student]))
    return sorted(points.keys() - found), strangers


def by_identifier(students, points):
    """Return {(column, value): student} of all that a student is known by."""
    index = {}
    for student in points:
        _, ids = students.get(student, (student, {}))
        for column, fields in COLUMNS.items():
            values = [ids.get(field) for field in fields]
            if column == "SIS Login ID" and not ids:
                values.append(student)  # folders laid out by hand carry logins
            for value in filter(None, values):
                index.setdefault((column, value), student)
    return index
