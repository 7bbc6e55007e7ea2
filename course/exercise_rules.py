"""Rule 1: what must hold for every exercise, tried out in sandboxes."""

import ast
from concurrent.futures import ThreadPoolExecutor

from course import authoring, diagnosis, judge, judging, stubs

SEEDS = [f"rule-{number}" for number in range(20)]
NULLS = {
    "None": "None",
    "zeros": "_like(args, lambda shape: np.zeros(shape, 'float32'))",
    "ones": "_like(args, lambda shape: np.ones(shape, 'float32'))",
    "NaN": "_like(args, lambda shape: np.full(shape, np.nan, 'float32'))",
    "noise": "_like(args, lambda shape: np.random.normal(size=shape).astype('f4'))",
    "the input": "next(iter(args), None)",
}
NULL_HEADER = '''
import numpy as np
from keras import ops as _ops

def _like(args, make):
    """Make something of the shape of the first argument that has one."""
    shapes = [tuple(a.shape) for a in args if hasattr(a, "shape")]
    return _ops.convert_to_tensor(make(shapes[0] if shapes else ()))

def _null(*args, **kwargs):
    return {value}
'''


def breaches(exercise, sandboxes):
    """Yield what is wrong with an exercise, each with what to do."""
    try:
        stub, record, trials = authoring.generate(exercise, sandboxes)
    except (stubs.MarkError, ValueError) as e:
        yield str(e)
        return
    yield from same(exercise, stub, record)
    for trial in trials:
        line = f"{exercise.solution}:{trial.mutant.line}"
        if not trial.lost:
            yield f"{line}: this WRONG loses no points: write a check that sees it"
        elif not trial.named(record):
            yield f"{line}: this WRONG is not named: its values must be its own"
    yield from fair(exercise, sandboxes)
    yield from strict(exercise, stub, sandboxes)


def same(exercise, stub, record):
    """Yield where the committed files are not what the solution generates."""
    path = exercise.assignment
    if not path.exists() or path.read_text("utf-8") != stub:
        yield f"{path} is not what its solution makes: python -m course stubs --write"
    elif not authoring.same_record(diagnosis.read(exercise), record):
        yield f"{exercise.record} is out of date: python -m course stubs --write"


def fair(exercise, sandboxes):
    """Yield where a correct answer in another idiom, or another seed, loses points."""
    if len(exercise.alternatives) < 2:
        yield f"{exercise.solution}: write two alternatives, correct in another idiom"
    paths = [exercise.solution, *exercise.alternatives]
    with ThreadPoolExecutor(2) as pool:
        yield from (
            line
            for lines in pool.map(lambda p: list(_fair(exercise, p, sandboxes)), paths)
            for line in lines
        )


def _fair(exercise, path, sandboxes):
    opener = judging.opener(sandboxes)
    submission = (path.name, path.read_bytes())
    examination = judge.Examination(exercise, submission, SEEDS[0], opener)
    trained = False
    for seed in SEEDS:
        for test in examination.tests:
            if test.after and trained:
                continue  # checks that train run once
            check = judge.blank(test)
            examination.attempt(test, check, seed)
            if check.status != "passed":
                said = check.message.replace("\n", " ")
                yield f"{path}: seed {seed}: {check.name}: {check.status}: {said}"
        trained = True
    examination.close()


def strict(exercise, stub, sandboxes):
    """Yield where a stub, or an answer that knows nothing, earns a point."""
    for check in authoring.examined(exercise, stub, sandboxes):
        if check.status == "passed":
            yield f"{exercise.test}: {check.name}: the untouched stub earns points"
    for name, value in NULLS.items():
        text = stub + NULL_HEADER.format(value=value)
        text += "".join(f"{f} = _null\n" for f in todo_functions(stub))
        for check in authoring.examined(exercise, text, sandboxes):
            if check.status == "passed":
                yield f"{exercise.test}: {check.name}: answering {name} earns points"


def todo_functions(stub):
    """Return the functions of a stub that the student is to write."""
    return [
        node.name
        for node in ast.parse(stub).body
        if isinstance(node, ast.FunctionDef)
        and isinstance(node.body[-1], ast.Raise)
        and "NotImplementedError" in ast.unparse(node.body[-1])
    ]
