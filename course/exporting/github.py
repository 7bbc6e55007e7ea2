"""GitHub: workflow commands that show what was lost beside the learner's file."""


def annotations(outcomes, marks):
    """Return one line a check that was not passed, and one with the points."""
    lines, points, most = [], 0.0, 0.0
    for mark in marks:
        points, most = points + (mark.points or 0.0), most + mark.max_score
        file = f"assignments/{mark.exercise}.py"
        for check in outcomes.visible(mark)[0]:
            if check["status"] != "passed":
                title = f"{check['score']:g}/{check['points']:g} {check['title']}"
                said = "\n".join(check["lines"]) or check["status"]
                level = "warning" if check["status"] in ("todo", "waiting") else "error"
                lines.append(command(level, said, file=file, title=title))
    lines.append(command("notice", f"Points {points:g}/{most:g}", title="Grading"))
    return "\n".join(lines) + "\n"


def command(name, message, **properties):
    """Return a workflow command in which nothing of the text is obeyed."""
    given = ",".join(
        f"{key}={escaped(value, True)}" for key, value in properties.items()
    )
    return f"::{name} {given}::{escaped(message)}"


def escaped(text, in_property=False):
    marks = "%\r\n" + (":," if in_property else "")
    return "".join(f"%{ord(c):02X}" if c in marks else c for c in text)
