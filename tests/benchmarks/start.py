"""How long a learner waits for the commands that grade nothing."""

from course import rules
from course.catalog import Course
from tests.benchmarks.measure import Row, at_most, course, median_seconds

COMMANDS = ("list", "where norm", "hint channel_attention", "")
LIMIT = 0.3


def start():
    """Time these commands from the shell, and look at what they import."""
    for command in COMMANDS:
        found = median_seconds(5, course, *command.split())
        shown = f"python -m course {command}".strip()
        yield at_most(shown, found, LIMIT, " s")
    breaches = list(rules.light_start(Course()))
    target = "no TensorFlow, Keras or NumPy"
    yield Row("  they import", "; ".join(breaches) or target, target, not breaches)
