"""Runs the examples that readers see: doctests of modules, snippets of READMEs.

python -m course.examples [PATH …]     prints one line for each that fails
"""

import doctest
import importlib
import re
import sys
import traceback
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

from course.catalog import ROOT

SNIPPET = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def subjects(root=ROOT):
    """Return the files that may hold examples."""
    return [
        *sorted(root.glob("modules/**/*.py")),
        *sorted(root.glob("course/units/**/README.md")),
        *sorted(root.glob("course/data/*.md")),
        *(root / name for name in ("README.md", "course/README.md")),
    ]


def failures(path):
    """Yield one line for each example of a file that does not do what it says."""
    if path.suffix == ".md":
        yield from snippet_failures(path)
    else:
        yield from doctest_failures(path)


def doctest_failures(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    module = importlib.import_module(name)
    said = StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    for test in doctest.DocTestFinder().find(module, name):
        runner.run(test, out=said.write)
    if runner.failures:
        yield f"{path.relative_to(ROOT)}: " + " ".join(said.getvalue().split())[-400:]


def snippet_failures(path):
    """A README's snippets run in order, each seeing what those before it defined."""
    names = {"__name__": "snippet"}
    text = path.read_text("utf-8")
    for found in SNIPPET.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        code = "\n" * (line - 1) + found[1]
        try:
            with redirect_stdout(StringIO()), chdir(ROOT):
                exec(compile(code, str(path), "exec"), names)
        except Exception as e:
            inner = traceback.extract_tb(e.__traceback__)[-1]
            at = inner.lineno if inner.filename == str(path) else line
            yield f"{path.relative_to(ROOT)}:{at}: {type(e).__name__}: {e}"


def main():
    paths = [Path(p).resolve() for p in sys.argv[1:]] or subjects()
    lines = [line for path in paths if path.exists() for line in failures(path)]
    print("\n".join(lines), end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
