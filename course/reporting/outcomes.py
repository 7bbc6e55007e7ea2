"""What a run has come to: marks, the results behind them, what students may read."""

from course.batch.grades import Grades
from course.reporting import feedback


class Outcomes:
    """The marks of a run and the results that count.

    Args:
        run: a `Run`.
    """

    def __init__(self, run):
        self.run = run
        self.grades = Grades(run)
        self.level = self.grades.policy.hidden
        self.results = {}  # of (student, exercise)
        for who, mark in self.grades.marks.items():
            if mark.counted and (found := run.read(mark.counted.unit)):
                self.results[who] = found

    def visible(self, mark):
        """Return (checks as the student reads them, count and points of the silent)."""
        result = self.results.get((mark.student, mark.exercise))
        return feedback.visible(result, self.level) if result else ([], 0, 0)
