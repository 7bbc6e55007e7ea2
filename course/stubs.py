"""Makes the learners' files, and the mistakes, out of the solutions.

A solution is an ordinary Python file with four kinds of marks in comments:

    # BEGIN SOLUTION <todo>      what follows becomes "# TODO: <todo>" and a raise
    # END SOLUTION
    # HINT <text>                what `course hint` prints, one at a time
    # WRONG <statement>          a mistake: replaces the statement that ends above it
    # WHY <text>                 what a student who made that mistake is told

Consecutive WRONG lines are one mistake, closed by its WHY, which further WHY lines
continue. One space after the word is dropped, further indentation counts.
"""

import ast
import re
from dataclasses import dataclass, field

MARK = re.compile(r"^(\s*)# (BEGIN SOLUTION|END SOLUTION|HINT|WRONG|WHY)\b ?(.*)$")


class MarkError(Exception):
    """A mark in a solution that is out of place; names file and line."""


@dataclass
class Mutant:
    """One WRONG of a solution: the file with that mistake, and its WHY."""

    line: int
    text: str
    why: str


@dataclass
class Source:
    """A solution, taken apart.

    Attributes:
        stub: the learner's file.
        mutants: one for every WRONG.
        hints: function name -> its hints in order.
    """

    stub: str = ""
    mutants: list = field(default_factory=list)
    hints: dict = field(default_factory=dict)


def read(path):
    """Return the Source in a solution's file.

    Raises:
        MarkError: a mark is stray, unbalanced or malformed.
    """
    return Reader(path, path.read_text("utf-8")).source()


class Reader:
    """Reads the marks of one file, line by line."""

    def __init__(self, path, text):
        self.path, self.lines = path, text.splitlines()
        self.result = Source()
        self.statements, self.functions = self.outline(text)

    def outline(self, text):
        """Return statements by their last line, and functions with their lines."""
        statements, functions = {}, []
        for node in ast.walk(ast.parse(text, str(self.path))):
            if isinstance(node, ast.stmt):
                key = (node.end_lineno, node.col_offset)
                statements[key] = node.lineno
            if isinstance(node, ast.FunctionDef):
                functions.append((node.lineno, node.end_lineno, node.name))
        return statements, sorted(functions)

    def fail(self, index, message):
        raise MarkError(f"{self.path}:{index + 1}: {message}")

    def source(self):
        kept, opened, wrong, why = [], None, [], []
        above = None  # index of the last line that is code
        for index, line in enumerate([*self.lines, ""]):
            mark = MARK.match(line)
            kind, text = (mark[2], mark[3]) if mark else ("", "")
            if wrong and why and kind != "WHY":
                self.mutant(above, wrong, why)
                wrong, why = [], []
            if wrong and kind not in ("WRONG", "WHY"):
                self.fail(index, "a WRONG without its WHY")
            if kind and kind != "BEGIN SOLUTION" and opened is None:
                self.fail(index, f"{kind} outside a solution")
            if kind == "BEGIN SOLUTION":
                if opened is not None:
                    self.fail(index, f"a solution inside that of line {opened + 1}")
                if not text:
                    self.fail(index, "BEGIN SOLUTION needs a few words to the student")
                opened = index
                self.function(index)
                kept += [f"{mark[1]}# TODO: {text}", f"{mark[1]}raise NotImplementedError"]
            elif kind == "END SOLUTION":
                opened = None
            elif kind == "HINT":
                self.result.hints.setdefault(self.function(index), []).append(text)
            elif kind == "WRONG":
                if above is None or above < opened:
                    self.fail(index, "WRONG has no statement above it")
                wrong.append((index, text))
            elif kind == "WHY":
                if not wrong:
                    self.fail(index, "a WHY without its WRONG")
                why.append(text)
            elif "# BEGIN SOL" in line or "# END SOL" in line:
                self.fail(index, "this looks like a mark, and is none")
            else:
                if opened is None and index < len(self.lines):
                    kept.append(line)
                if line.strip() and not line.lstrip().startswith("#"):
                    above = index
        if opened is not None:
            self.fail(opened, "BEGIN SOLUTION without END SOLUTION")
        self.result.stub = "\n".join(kept) + "\n"
        return self.result

    def function(self, index):
        """Return the name of the innermost function around a line."""
        around = [n for start, end, n in self.functions if start <= index + 1]
        inside = [
            n for start, end, n in self.functions if start <= index + 1 <= end + 40
        ]
        if not around or not inside:
            self.fail(index, "marks stand inside functions only")
        return around[-1]

    def mutant(self, above, wrong, why):
        first = wrong[0][0]
        indent = len(self.lines[first]) - len(self.lines[first].lstrip())
        start = self.statements.get((above + 1, indent))
        if start is None:
            self.fail(first, "WRONG must follow a statement of its own indentation")
        replacement = [" " * indent + text for _, text in wrong]
        lines = [*self.lines[: start - 1], *replacement, *self.lines[above + 1 :]]
        text = "\n".join(x for x in lines if not MARK.match(x)) + "\n"
        try:
            ast.parse(text)
        except SyntaxError as e:
            self.fail(first, f"with this WRONG the file is no Python: {e.msg}")
        self.result.mutants.append(Mutant(first + 1, text, " ".join(why)))
