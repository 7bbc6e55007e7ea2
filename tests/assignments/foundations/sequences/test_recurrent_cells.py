"""Grades assignments/foundations/sequences/recurrent_cells.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.foundations.sequences.lstm",
    "modules.foundations.sequences.gru",
    "modules.foundations.sequences.truncated_bptt",
    "layers.LSTM",
    "layers.LSTMCell",
    "layers.GRU",
    "layers.GRUCell",
    "layers.RNN",
)

B, T, D, N = 2, 7, 3, 4


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def weights(rng, *shapes):
    return [rng.normal(size=shape) / shape[0] ** 0.5 for shape in shapes]


@points(3)
def test_lstm_step(submission, rng):
    """one step of the LSTM: blocks f, i, o, g of [x, h] w + b"""
    x, h, c = rng.normal(size=(B, D)), rng.normal(size=(B, N)), rng.normal(size=(B, N))
    w, b = weights(rng, (D + N, 4 * N), (4 * N,))
    a = x @ w[:D] + h @ w[D:] + b
    f, i, o = (sigmoid(a[:, N * j : N * j + N]) for j in range(3))
    new = f * c + i * np.tanh(a[:, 3 * N :])

    got = submission.lstm_step(x, h, c, w, b)
    close(got, (o * np.tanh(new), new), hint="Which gate reads which block?")


@points(1)
def test_lstm_keeps(submission):
    """a forget gate of 1 and an input gate of 0 keep the cell state as it is"""
    c = np.array([[-3.0, 0.5, 2.0]])
    b = np.repeat([60.0, -60.0, 0.0, 1.0], 3)  # f, i, o, g
    got = submission.lstm_step(np.ones((1, 2)), c, c, np.zeros((5, 12)), b)
    close(got, (np.tanh(c) / 2, c), hint="What should f = 1, i = 0, o = 1/2 give?")


@points(1)
def test_first_bias(submission):
    """the first bias opens the forget gate"""
    close(
        submission.first_bias(3),
        np.array([1.0] * 3 + [0.0] * 9),
        hint="Which block is the forget gate's?",
    )


@points(3)
def test_gru_step(submission, rng):
    """one step of the GRU: r in front of u, z the share of the new"""
    x, h = rng.normal(size=(B, D)), rng.normal(size=(B, N))
    w, u, b = weights(rng, (D, 3 * N), (N, 3 * N), (3 * N,))
    parts = (slice(0, N), slice(N, 2 * N), slice(2 * N, 3 * N))
    in_r, in_z, in_g = (x @ w[:, part] + b[part] for part in parts)
    r, z = sigmoid(in_r + h @ u[:, parts[0]]), sigmoid(in_z + h @ u[:, parts[1]])
    g = np.tanh(in_g + (r * h) @ u[:, parts[2]])

    got = submission.gru_step(x, h, w, u, b)
    close(got, (1 - z) * h + z * g, hint="What does r multiply, and what z?")


class Task:
    """A sequence for the given adding_step, and what NumPy makes of it."""

    def __init__(self, rng, lengths=(T, T - 3)):
        self.x = rng.normal(size=(B, T, D))
        self.states = [rng.normal(size=(B, N)) for _ in range(2)]
        self.weights = weights(rng, (D, N), (N, N), (N,))
        self.mask = np.arange(T) < np.array(lengths)[:, None]

    def run(self, x, states, mask):
        """Return y and the states, for as many steps as x has."""
        u, w, b = self.weights
        h, c = states
        y = []
        for t in range(x.shape[1]):
            new = np.tanh(x[:, t] @ u + c @ w + b)
            keep = mask[:, t, None]
            h, c = np.where(keep, new, h), np.where(keep, c + new, c)
            y.append(h)
        return np.stack(y, axis=1), [h, c]

    def slopes(self, dy, k, step=1e-6):
        """Return gradients in x and states of sum(dy y), window by window."""
        x, states = self.x.copy(), [s.copy() for s in self.states]
        found = [np.zeros(a.shape) for a in (x, *states)]
        for start in range(0, T, k):
            window = slice(start, start + k)
            mask, weight = self.mask[:, window], dy[:, window]
            part, begin = x[:, window].copy(), [s.copy() for s in states]
            places = [(part, found[0][:, window])]
            if start == 0:
                places += zip(begin, found[1:], strict=True)
            for array, slope in places:
                for place in np.ndindex(array.shape):
                    value = array[place]
                    for sign in (1, -1):
                        array[place] = value + sign * step
                        y, _ = self.run(part, begin, mask)
                        slope[place] += sign * (weight * y).sum() / (2 * step)
                    array[place] = value
            _, states = self.run(part, begin, mask)
        return found[0], np.stack(found[1:])


@points(3)
def test_unroll(submission, rng):
    """unroll skips padding, and truncation does not change a value"""
    task = Task(rng)
    task.mask[0, 2] = False  # a gap, not only an end
    want = task.run(task.x, task.states, task.mask)

    step = submission.adding_step(*task.weights)
    got = submission.unroll(step, task.x, task.states, task.mask, 3)
    close(got, want, hint="What becomes of each state at a padded step, and at a cut?")


@points(3)
def test_cut(submission, rng):
    """the gradient ends at the cuts, in every state"""
    task = Task(rng)
    dy = rng.normal(size=(B, T, N))
    cotangent = [dy, [np.zeros((B, N))] * 2]
    step = submission.adding_step(*task.weights)
    arguments = step, task.x, task.states, task.mask, 3
    close(submission.unroll(*arguments)[0], task.run(*arguments[1:4])[0])

    got = gradient(submission.unroll, *arguments, wrt=(1, 2), cotangent=cotangent)
    want = task.slopes(dy, 3)
    close(got, want, hint="Which inputs may the loss of step 5 reach, with k = 3?")


@points(2, after="test_unroll")
def test_network(submission, rng):
    """a network of your functions learns what the first token was"""
    tokens = rng.integers(1, 6, size=(40, 5))
    tokens[:, 0] = 1 + np.arange(40) % 5
    tokens[::2, 3:] = 0
    losses = fit(submission.network(5), tokens, tokens[:, 0], 10)
    assert losses[-1] < 0.6 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
