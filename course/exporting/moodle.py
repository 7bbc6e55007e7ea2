"""Moodle: the grading worksheet as it was downloaded, with the grades filled in.

Its headers and numbers are in the language of the site. A participant is known by the
number at the end of the first column, or by the e-mail address.
"""

import re

from course.cli import UsageError
from course.exporting import sheets

NUMBERED = re.compile(r"\D+(\d+)")
EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
MOST = ("Maximum Grade", "Maximum grade")


def fill(sheet, column, points, students):
    """Fill a column; return (students without a row, rows without a student).

    Args: as of `canvas.fill`.

    Raises:
        UsageError: more points than Moodle takes.
    """
    index = by_identifier(students, points)
    most = sheet.find(*MOST)
    found, strangers = set(), []
    emails = email_columns(sheet)
    for row in sheet.rows[1:]:
        known = [key for i in emails if i < len(row) for key in email_keys(row[i].text)]
        known += number_keys(row[0].text)
        student = next((index[key] for key in known if key in index), None)
        if len(row) <= column:
            continue
        if student is None:
            strangers.append(row[0].text)
            continue
        if student in found:
            raise UsageError(f"{sheet.name} has two rows for {student}: keep one")
        found.add(student)
        if points[student] is not None:
            limit = row[most].text if most is not None else ""
            check(sheet, points[student], limit)
            like = limit or row[column].text
            sheet.put(row, column, sheets.number(points[student], like))
    return sorted(points.keys() - found), strangers


def number_keys(text):
    """Return what the first cell tells, such as Participant 12."""
    numbered = NUMBERED.fullmatch(text.strip())
    return [("number", numbered[1])] if numbered else []


def email_keys(text):
    return [("email", text.strip()), ("email", text.strip().casefold())]


def email_columns(sheet):
    """Return the columns that hold nothing but e-mail addresses."""
    found = []
    for i in range(len(sheet.header)):
        cells = [row[i].text for row in sheet.rows[1:] if i < len(row) and row[i].text]
        if cells and all(EMAIL.fullmatch(cell.strip()) for cell in cells):
            found.append(i)
    return found


def check(sheet, points, limit):
    try:
        most = float(limit.replace(",", "."))
    except ValueError:
        return
    if points > most:
        raise UsageError(
            f"{sheet.name} takes {limit} points at most, and somebody has {points:g}: "
            "raise the maximum grade in Moodle, or export one --exercise"
        )


def by_identifier(students, points):
    index = {}
    for student in points:
        _, ids = students.get(student, (student, {}))
        if number := ids.get("moodle_participant"):
            index[("number", number)] = student
        if email := ids.get("email") or (student if "@" in student else None):
            index[("email", email)] = student
            index.setdefault(("email", email.casefold()), student)
    return index
