"""Reads a learner's file, .py or .ipynb, inside the sandbox.

Everything here treats the file as hostile, and the judge never parses it. What is
wrong with a file is said in one sentence, in terms of the learner's own lines.
"""

import ast
import difflib
import inspect
import json
import re
import symtable
from bisect import bisect_right

SIZE_MAX = 20 << 20
# %name, !command and ?name; a line may begin with the operators % and != of Python
MAGIC = re.compile(r"\s*(%%?[A-Za-z]|!(?!=)|\?)")
RUNS_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun")


class Unusable(Exception):
    """The file cannot be graded as it is; `status` is invalid or refused."""

    status = "invalid"


class Refused(Unusable):
    """The file uses what the exercise forbids."""

    status = "refused"


class Missing(Unusable):
    """The file does not define a name that the exercise asks for."""

    def __init__(self, name, program):
        defined = {
            n.name
            for n in ast.walk(program.tree)
            if isinstance(n, (ast.FunctionDef, ast.ClassDef))
        }
        near = difflib.get_close_matches(name, defined, 1)
        hint = f" (is it your {near[0]}?)" if near else ""
        skipped = f"; {program.skipped}" if program.skipped else ""
        super().__init__(
            f"your file defines no {name}{hint}: keep the names that you were given"
            + skipped
        )


class Program:
    """A learner's file, ready to run.

    Attributes:
        text: the Python source that runs.
        tree, code: parsed and compiled.
        skipped: what was left out of a notebook, in words.
    """

    def __init__(self, path, text, origins=(), skipped=""):
        self.text, self.skipped, self.origins = text, skipped, origins
        self.tree = parse(text, path, self.where)
        self.code = compile(self.tree, path, "exec", dont_inherit=True)

    def where(self, line):
        """Return a line of `text` in the learner's terms: a line, or cell and line."""
        if not self.origins:
            return f"line {line}"
        starts = [start for start, _, _ in self.origins]
        start, cell, first = self.origins[max(0, bisect_right(starts, line) - 1)]
        return f"cell {cell}, line {first + line - start}"


def read(path, content, forbidden=()):
    """Return the Program in a file's bytes.

    Raises:
        Unusable: it is no Python that can run.
        Refused: it uses a name in `forbidden`.
    """
    if len(content) > SIZE_MAX:
        raise Unusable(f"{path} is larger than {SIZE_MAX >> 20} MB: remove its data")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise Unusable(
            f"byte {e.start} of {path} is not UTF-8: save the file as UTF-8"
        ) from None
    notebook = path.endswith(".ipynb")
    program = Program(path, *(from_notebook(path, text) if notebook else (text,)))
    refuse(program, forbidden)
    return program


def parse(text, path, where):
    try:
        tree = ast.parse(text, path)
        compile(tree, path, "exec", dont_inherit=True)
        return tree
    except SyntaxError as e:
        line = f"{where(e.lineno)}: " if e.lineno else ""
        code = f": {e.text.strip()[:80]}" if e.text and e.text.strip() else ""
        raise Unusable(f"{line}Python cannot read this ({e.msg}){code}") from None
    except (ValueError, RecursionError, MemoryError) as e:
        raise Unusable(f"Python cannot read {path}: {e}") from None


def refuse(program, forbidden):
    """Raise Refused at the first use of a forbidden dotted name.

    A courtesy, not a border: it explains the rule to those who did not know it.
    """
    rules = [(f, re.sub(r"^tf\.", "tensorflow.", f).split(".")) for f in forbidden]
    for line, dotted in used_names(program.tree):
        parts = dotted.split(".")
        for name, rule in rules:
            places = range(len(parts) - len(rule) + 1)
            if any(parts[i : i + len(rule)] == rule for i in places):
                raise Refused(
                    f"{program.where(line)} uses {name}, which this exercise asks you "
                    "to write yourself"
                )


def used_names(tree):
    """Yield (line, dotted name) of everything that a file takes from its imports."""
    names, stars = {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                names[a.asname or a.name.split(".")[0]] = (
                    a.name if a.asname else a.name.split(".")[0]
                )
                yield node.lineno, a.name
        elif isinstance(node, ast.ImportFrom):
            for a in node.names:
                full = f"{node.module or ''}.{a.name}"
                if a.name == "*":
                    stars.append(node.module or "")
                else:
                    names[a.asname or a.name] = full
                    yield node.lineno, full
    for node in ast.walk(tree):
        chain, root = [], node
        while isinstance(root, ast.Attribute):
            chain.append(root.attr)
            root = root.value
        if isinstance(root, ast.Name) and isinstance(root.ctx, ast.Load):
            rest = ".".join([""] + chain[::-1])
            if root.id in names:
                yield node.lineno, names[root.id] + rest
            else:
                yield from ((node.lineno, f"{s}.{root.id}{rest}") for s in stars)


def from_notebook(path, text):
    """Return (source, origins, skipped) of the definitions in a notebook's code cells.

    Keeps functions and classes, and of the imports and assignments those that they
    use; what runs around them (training, plots, shell lines) is left out. Of a name
    that is defined twice the last definition counts, except that one with a body wins
    over the untouched stub.
    """
    kept, skipped = {}, []
    for number, cell in enumerate(code_cells(path, text), 1):
        source = "\n".join(blank_magics(lines(cell)))
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
            line = getattr(e, "lineno", None) or 1
            skipped.append(f"cell {number} was left out (line {line}: syntax error)")
            continue
        for node in body:
            for key in defined_by(node):
                if not (key in kept and is_stub(node) and not is_stub(kept[key][2])):
                    kept[key] = (number, source, node)
    chosen = {key: item for key, item in kept.items() if stands_alone(item[2])}
    while more := needed(kept, chosen):
        chosen.update(more)
    return *assemble(chosen.values()), "; ".join(skipped)


def code_cells(path, text):
    try:
        cells = json.loads(text)["cells"]
        cells = [c["source"] for c in cells if c["cell_type"] == "code"]
        return ["".join(c) for c in cells]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unusable(f"{path} is not a notebook: save it again in Jupyter") from None


def lines(text):
    """Return lines as Python counts them: a form feed, for one, ends none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def blank_magics(lines):
    """Replace magics and shell lines by comments, so that line numbers stay.

    A cell below a magic is Python only if that magic runs it as Python.
    """
    first = lines[0].split()[0] if lines and lines[0].split() else ""
    if first.startswith("%%") and first not in RUNS_PYTHON:
        return ["#" for _ in lines]
    return ["#" if MAGIC.match(x) else x for x in lines]


def defined_by(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        # `import a.b` and `import a.c` both define a, and neither replaces the other
        return [a.asname or a.name.replace(".", " .", 1) for a in node.names]
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        found = (n for t in targets for n in ast.walk(t))
        return [n.id for n in found if isinstance(n, ast.Name)]
    return []


def stands_alone(node):
    """Return whether a statement is kept even if nothing that is kept reads it."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return isinstance(node.value, ast.Lambda)
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return getattr(node, "module", "") == "__future__" or node.names[0].name == "*"
    return True


def is_stub(node):
    return any(
        isinstance(n, ast.Raise) and "NotImplementedError" in ast.unparse(n)
        for n in getattr(node, "body", [])
    )


def needed(kept, chosen):
    """Return the assignments and imports whose names the chosen definitions read."""
    reads = {name for _, _, node in chosen.values() for name in global_reads(node)}
    return {
        key: item
        for key, item in kept.items()
        if key.partition(" ")[0] in reads and key not in chosen
    }


def global_reads(node):
    """Return the names that a statement takes from the module: no local variables."""
    top = symtable.symtable(ast.unparse(node), "cell", "exec")
    found = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    scopes = top.get_children()
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        found |= {s.get_name() for s in scope.get_symbols() if s.is_global()}
    return found


def assemble(items):
    """Return source and origins: imports first, then everything in cell order."""

    def rank(node):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return 0 if getattr(node, "module", "") == "__future__" else 1
        return 2

    unique = {id(node): (number, source, node) for number, source, node in items}
    ordered = sorted(
        unique.values(),
        key=lambda i: (rank(i[2]), i[0], i[2].lineno),
    )
    text, origins = [], []
    for number, source, node in ordered:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)])
        origins.append((len(text) + 1, number, first))
        text += lines(source)[first - 1 : node.end_lineno]
    return "\n".join(text) + "\n", origins


def check_call(function, args, kwargs):
    """Raise Unusable where a learner's function no longer takes these arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as e:
        raise Unusable(
            f"{function.__name__}{signature} cannot be called as the exercise calls it "
            f"({e}): keep the arguments that you were given"
        ) from None
