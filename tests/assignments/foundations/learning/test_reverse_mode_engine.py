"""Grades assignments/foundations/learning/reverse_mode_engine.py."""

import numpy as np

from course.grading import close, fit, points

DATA = ("course_digits",)
FORBIDDEN = (
    "modules.foundations.learning.reverse_mode",
    "GradientTape",
    "tf.gradients",
    "tf.autodiff",
    "tf.raw_ops",
    "ops.jvp",
    "ops.vjp",
)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def one_hot(rng, examples, classes):
    return np.eye(classes)[rng.integers(classes, size=examples)]


@points(2)
def test_matmul_vjp(submission, rng):
    """gradients of both factors of a matrix product"""
    for batch, inputs, units in [(2, 3, 3), (5, 2, 4)]:
        x, w = rng.normal(size=(batch, inputs)), rng.normal(size=(inputs, units))
        g = rng.normal(size=(batch, units))
        want = [np.einsum("bk,dk->bd", g, w), np.einsum("bk,bd->dk", g, x)]
        close(submission.matmul_vjp(g, x, w), want, hint="y_bk = sum of x_bd w_dk")


@points(3)
def test_unbroadcast(submission, rng):
    """a value that was repeated gets the sum of what comes back"""
    g = rng.uniform(1, 2, size=(4, 3))
    wanted = {
        (3,): g.sum(axis=0),
        (4, 1): g.sum(axis=1, keepdims=True),
        (1, 3): g.sum(axis=0, keepdims=True),
        (): g.sum(),
        (4, 3): g,
    }
    for shape, want in wanted.items():
        got = submission.unbroadcast(g, shape)
        close(got, want, hint=f"How was {shape} repeated to give (4, 3)?")


@points(1)
def test_relu_vjp(submission, rng):
    """the gradient passes where the unit was on"""
    size = rng.uniform(0.5, 2, size=(2, 3, 4))
    x = size * np.resize([1, -1, -1], size.shape)
    g = rng.normal(size=size.shape)
    g[0, 0] = [1.5, -0.5, 0.7, -2.0]
    close(submission.relu_vjp(g, x), np.where(x > 0, g, 0), hint="Where is x > 0?")


@points(3)
def test_softmax_cross_entropy_vjp(submission, rng):
    """the gradient of the mean loss in the logits is that of softmax minus truth"""
    z, y = rng.normal(size=(4, 3)), one_hot(rng, 4, 3)
    want = 1.7 * (softmax(z) - y) / 4
    got = submission.softmax_cross_entropy_vjp(1.7, z, y)
    close(got, want, hint="The loss is a mean over examples, and a sum over classes.")
    y = rng.dirichlet(np.ones(3), size=4)
    got = submission.softmax_cross_entropy_vjp(1.0, z, y)
    close(got, (softmax(z) - y) / 4, hint="y may be any distribution")


@points(1)
def test_large_scores(submission, rng):
    """scores of 10,000 still give the right gradient"""
    z, y = 10.0 ** rng.integers(0, 3, size=(5, 3)), one_hot(rng, 5, 3)
    z[1] = [200, 0, -300]
    z[3] = [-1e4, 1e4, 9.9e3]
    got = submission.softmax_cross_entropy_vjp(1.0, z, y)
    close(got, (softmax(z) - y) / 5, hint="What is e to the power of 10,000?")


def cast(*parts):
    return [np.asarray(part, "float32") for part in parts]


# operations of which the submission knows nothing: (forward, rule)
TIMES = (lambda a, b: a * b, lambda g, a, b: cast(g * b, g * a))
PLUS = (lambda a, b: a + b, lambda g, a, b: cast(g, g))
SINE = (np.sin, lambda g, a: cast(g * np.cos(a)))
SUM = (np.sum, lambda g, a: cast(g + 0 * a))

# 0 and 1 are inputs; 2 is used by three steps, 5 leads nowhere, 6 enters 7 twice
PROGRAM = [
    (TIMES, (0, 1), 2),
    (SINE, (0,), 3),
    (TIMES, (2, 3), 4),
    (SINE, (2,), 5),
    (PLUS, (4, 2), 6),
    (TIMES, (6, 6), 7),
    (SUM, (7,), 8),
]


def run(values, moved=None):
    """Return all values of the program; moved = (which, by what) shifts one of them."""
    values = list(values)
    if moved and moved[0] < len(values):
        values[moved[0]] = values[moved[0]] + moved[1]
    for (forward, _), inputs, output in PROGRAM:
        value = np.asarray(forward(*[values[i] for i in inputs]))
        values.append(value + moved[1] if moved and moved[0] == output else value)
    return values


def slopes(inputs, place, step=1e-6):
    """Return the gradient with respect to one value, by central differences."""
    found = np.zeros(np.shape(run(inputs)[place]))
    for at in np.ndindex(found.shape):
        shift = np.zeros_like(found)
        shift[at] = step
        ends = [run(inputs, (place, sign * shift))[-1] for sign in (1, -1)]
        found[at] = (ends[0] - ends[1]) / (2 * step)
    return found


@points(4)
def test_backward(submission, rng):
    """gradients of a whole program agree with finite differences, at every value"""
    inputs = [rng.uniform(0.5, 1.5, size=3), rng.uniform(-1.5, -0.5, size=3)]
    want = [slopes(inputs, place) for place in range(9)]

    tape = [(rule, inputs, output) for (_, rule), inputs, output in PROGRAM]
    got = submission.backward(tape, run(inputs))
    close(got, want, hint="Which steps must be done before a value's gradient is?")


def losses_by_hand(weights, x, y, steps, rate):
    """Return the losses of a perceptron that learns by gradient descent."""
    w1, b1, w2, b2 = weights
    losses = []
    for _ in range(steps):
        a = x @ w1 + b1
        p = softmax(np.maximum(a, 0) @ w2 + b2)
        losses.append(-np.log((p * y).sum(axis=1)).mean())
        dz = (p - y) / len(x)
        da = dz @ w2.T * (a > 0)
        w2, b2 = w2 - rate * np.maximum(a, 0).T @ dz, b2 - rate * dz.sum(axis=0)
        w1, b1 = w1 - rate * x.T @ da, b1 - rate * da.sum(axis=0)
    return losses


@points(2, after="test_backward")
def test_network(submission):
    """a network learns digits with your gradients, exactly as it should"""
    x, y = (a[:100] for a in submission.digits("train"))
    model = submission.network()
    weights = [np.asarray(w, "float64") for w in model.get_weights()]
    want = losses_by_hand(weights, x.astype("float64"), y, steps=8, rate=0.5)

    got = fit(model, x, y, 8)
    close(got, want, rtol=1e-3, hint="Are all of your rules right?")
    assert got[-1] < 0.8 * got[0], f"the loss went {got[0]} to {got[-1]}"
