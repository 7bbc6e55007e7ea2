"""JUnit XML for continuous integration: a suite a submission, a case a check."""

import re
from xml.etree import ElementTree as xml

# what XML 1.0 cannot hold
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SKIPPED = ("waiting", "todo")
ERRORS = ("crashed", "timeout", "memory", "invalid", "refused")


def text(outcomes, marks):
    """Return the XML of marks.

    Args:
        outcomes: an `Outcomes`.
        marks: list of `grades.Mark`.
    """
    suites = [suite(outcomes, mark) for mark in marks]
    totals = {key: str(sum(int(s.get(key)) for s in suites)) for key in COUNTED}
    root = xml.Element("testsuites", name="course", **totals)
    root.extend(suites)
    xml.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + xml.tostring(root, "unicode")


COUNTED = ("tests", "failures", "errors")


def suite(outcomes, mark):
    checks, _, _ = outcomes.visible(mark)
    result = outcomes.results.get((mark.student, mark.exercise), {})
    kinds = [kind(check) for check in checks]
    found = xml.Element(
        "testsuite",
        name=legal(f"{mark.exercise} {mark.student}"),
        tests=str(len(checks)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
        time=f"{result.get('seconds') or 0:.3f}",
    )
    facts = {
        "student": mark.student,
        "points": "" if mark.points is None else f"{mark.points:g}",
        "max_points": f"{mark.max_score:g}",
        "state": mark.state,
    }
    properties = xml.SubElement(found, "properties")
    for name, value in facts.items():
        xml.SubElement(properties, "property", name=name, value=legal(value))
    for check in checks:
        found.append(case(mark, check))
    return found


def kind(check):
    if check["status"] == "passed":
        return None
    if check["status"] in SKIPPED:
        return "skipped"
    return "error" if check["status"] in ERRORS else "failure"


def case(mark, check):
    classname = legal(mark.exercise.replace("/", "."))
    found = xml.Element("testcase", name=legal(check["title"]), classname=classname)
    if what := kind(check):
        first, *rest = check["lines"] or [check["status"]]
        facts = {"type": check["status"], "message": legal(first)}
        xml.SubElement(found, what, facts).text = legal("\n".join(rest))
    return found


def legal(value):
    return ILLEGAL.sub("\ufffd", value)
