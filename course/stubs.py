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
        self.result, self.kept = Source(), []
        self.opened = None  # index of the BEGIN SOLUTION that is not yet ended
        self.above = None  # index of the last line that is code
        self.wrong, self.why = [], []
        self.statements, self.functions = {}, []
        for node in ast.walk(ast.parse(text, str(path))):
            if isinstance(node, ast.stmt):
                self.statements[node.end_lineno, node.col_offset] = node.lineno
            if isinstance(node, ast.FunctionDef):
                self.functions.append((node.lineno, node.col_offset, node.name))

    def fail(self, index, message):
        raise MarkError(f"{self.path}:{index + 1}: {message}")

    def source(self):
        for index, line in enumerate(self.lines):
            mark = MARK.match(line)
            kind = mark[2] if mark else "code"
            self.close_mistake(index, kind)
            if kind not in ("code", "BEGIN SOLUTION") and self.opened is None:
                self.fail(index, f"{kind} outside a solution")
            handle = {
                "code": self.code,
                "BEGIN SOLUTION": self.begin,
                "END SOLUTION": self.end,
                "HINT": self.hint,
                "WRONG": self.on_wrong,
                "WHY": self.on_why,
            }[kind]
            handle(index, mark[3] if mark else line)
        self.close_mistake(len(self.lines), "code")
        if self.opened is not None:
            self.fail(self.opened, "BEGIN SOLUTION without END SOLUTION")
        self.result.stub = "\n".join(self.kept) + "\n"
        return self.result

    def code(self, index, line):
        if re.match(r"\s*#\s*(BEGIN|END)\s+SOL|\s*#\s*(WRONG|WHY|HINT)\b", line):
            self.fail(index, "this looks like a mark, and is none")
        if self.opened is None:
            self.kept.append(line)
        if line.strip() and not line.lstrip().startswith("#"):
            self.above = index

    def begin(self, index, text):
        if self.opened is not None:
            self.fail(index, f"a solution inside that of line {self.opened + 1}")
        if not text:
            self.fail(index, "BEGIN SOLUTION needs a few words to the student")
        self.function(index)
        self.opened = index
        indent = " " * self.indent(index)
        self.kept += [f"{indent}# TODO: {text}", f"{indent}raise NotImplementedError"]

    def end(self, index, text):
        self.opened = None

    def hint(self, index, text):
        self.result.hints.setdefault(self.function(index), []).append(text)

    def on_wrong(self, index, text):
        if self.above is None or self.above < self.opened:
            self.fail(index, "WRONG has no statement above it")
        self.wrong.append((index, text))

    def on_why(self, index, text):
        if not self.wrong:
            self.fail(index, "a WHY without its WRONG")
        self.why.append(text)

    def indent(self, index):
        return len(self.lines[index]) - len(self.lines[index].lstrip())

    def function(self, index):
        """Return the name of the function that a mark stands in."""
        indent = self.indent(index)
        inside = [f for f in self.functions if f[0] <= index and f[1] < indent]
        if not inside:
            self.fail(index, "marks stand inside functions only")
        return max(inside)[2]

    def close_mistake(self, index, kind):
        """Turn the WRONG and WHY lines read so far into a mutant, if they end here."""
        if not self.wrong or kind == "WHY" or (kind == "WRONG" and not self.why):
            return
        if not self.why:
            self.fail(index - 1, "a WRONG without its WHY")
        first = self.wrong[0][0]
        start = self.statements.get((self.above + 1, self.indent(first)))
        if start is None:
            self.fail(first, "WRONG must follow a statement of its own indentation")
        indent = " " * self.indent(first)
        instead = [indent + text for _, text in self.wrong]
        lines = [*self.lines[: start - 1], *instead, *self.lines[self.above + 1 :]]
        text = "\n".join(x for x in lines if not MARK.match(x)) + "\n"
        try:
            ast.parse(text)
        except SyntaxError as e:
            self.fail(first, f"with this WRONG the file is no Python: {e.msg}")
        self.result.mutants.append(Mutant(first + 1, text, " ".join(self.why)))
        self.wrong, self.why = [], []
