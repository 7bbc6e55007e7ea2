"""keras.ops for the numbers, and an object for each hypothesis."""

from dataclasses import dataclass, field

import numpy as np
from keras import ops

from modules.nlp.translation.encoder_decoder import EncoderDecoder


@dataclass
class Hypothesis:
    words: list = field(default_factory=list)
    total: float = 0.0
    looks: list = field(default_factory=list)

    def longer(self, word, total, look):
        return Hypothesis([*self.words, word], total, [*self.looks, look])


def score(log_p, attention, alpha, beta):
    words = ops.shape(attention)[0]
    got = ops.einsum("ts->s", attention)
    little = ops.where(got < 1, got, ops.ones_like(got))
    return log_p * (6 / (5 + words)) ** alpha + beta * ops.log(ops.prod(little))


def prune_words(log_p, width):
    log_p = ops.convert_to_tensor(log_p)
    drop = ops.amax(log_p, axis=1)[:, None] - log_p > width
    return log_p + ops.where(drop, float("-inf"), 0.0)


def expand(totals, log_p, width):
    found = []
    for i, total in enumerate(np.asarray(totals).tolist()):
        for word, p in enumerate(np.asarray(log_p)[i].tolist()):
            if p != float("-inf"):
                found.append([i, word, total + p])
    return sorted(found, key=lambda way: -way[2])[:width]


def search(step, state, length, end, width, alpha, beta):
    alive, finished = [Hypothesis()], []
    while len(finished) < width and alive:
        log_p, looks, state = step([h.words for h in alive], state)
        log_p = ops.convert_to_numpy(prune_words(log_p, 3.0))
        ways = expand([h.total for h in alive], log_p, width - len(finished))
        rows = [i for i, _, _ in ways]
        state = select(state, rows)
        after = [alive[i].longer(word, total, looks[i]) for i, word, total in ways]
        finished += [h for h in after if h.words[-1] == end]
        going = [
            n
            for n, h in enumerate(after)
            if h.words[-1] != end and len(h.words) < length
        ]
        state, alive = select(state, going), [after[n] for n in going]
    if not finished:
        return [], -np.inf
    scores = [float(score(h.total, ops.stack(h.looks), alpha, beta)) for h in finished]
    best = int(np.argmax(scores))
    return finished[best].words, scores[best]


def select(state, rows):
    """Return the state of some hypotheses, from a nest of arrays (k, …); given."""
    if isinstance(state, (tuple, list)):
        return type(state)(select(part, rows) for part in state)
    return ops.take(state, np.array(list(rows), dtype="int32"), axis=0)


def model():
    """Return an untrained recurrent translator with attention; given."""
    made = EncoderDecoder(9, units=6, embedding_dim=5, attention="general")
    made([np.ones((1, 3), "int32"), np.ones((1, 2), "int32")])
    rng = np.random.default_rng(1)
    for weight in made.weights:
        weight.assign(1.5 * rng.normal(size=weight.shape))
    return made


def translate(translator, source, width, alpha=0.6, beta=0.2, length=9):
    """Return what your search finds for one sentence, (S,) ints; given."""

    def step(words, state):
        last = np.array([[row[-1] if row else 1] for row in words], "int32")
        logits, after = translator.step(last, state, 0)
        z = ops.convert_to_numpy(logits)[:, 0].astype("float64")
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        attention = ops.convert_to_numpy(after[2] - state[2])
        return log_p.astype("float32"), attention, after

    state = translator.start(np.asarray(source, "int32")[None])
    return search(step, state, length, end=2, width=width, alpha=alpha, beta=beta)
