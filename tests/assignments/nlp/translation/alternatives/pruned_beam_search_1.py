"""NumPy all the way; hypotheses as a sorted heap of tuples."""

import heapq
import math

import numpy as np
from keras import ops

from modules.nlp.translation.encoder_decoder import EncoderDecoder


def score(log_p, attention, alpha, beta):
    attention = np.asarray(attention, dtype="float64")
    cover = np.log(np.clip(attention.sum(axis=0), None, 1)).sum()
    lp = math.pow((5 + len(attention)) / 6, alpha)
    return float(log_p) / lp + beta * cover


def prune_words(log_p, width):
    log_p = np.array(log_p)
    log_p[log_p < log_p.max(axis=1, keepdims=True) - width] = -np.inf
    return log_p


def expand(totals, log_p, width):
    log_p, totals = np.asarray(log_p), np.asarray(totals)
    ways = (
        (-(totals[i] + log_p[i, w]), i, w)
        for i in range(log_p.shape[0])
        for w in range(log_p.shape[1])
        if np.isfinite(log_p[i, w]) and np.isfinite(totals[i])
    )
    return [(i, w, -minus) for minus, i, w in heapq.nsmallest(width, ways)]


def search(step, state, length, end, width, alpha, beta):
    alive, best, places = [((), 0.0, None)], ([], float("-inf")), width
    for _ in range(length):
        if not alive or not places:
            break
        log_p, looks, state = step([list(words) for words, _, _ in alive], state)
        looks, following, rows = np.asarray(looks), [], []
        totals = [total for _, total, _ in alive]
        for i, word, total in expand(totals, prune_words(log_p, 3.0), places):
            words, _, before = alive[i]
            row = looks[i : i + 1]
            table = row if before is None else np.concatenate([before, row])
            if word == end:
                places -= 1
                s = float(score(total, table, alpha, beta))
                best = max(best, ([*words, word], s), key=lambda pair: pair[1])
            else:
                following.append(((*words, word), total, table))
                rows.append(i)
        alive, state = following, select(state, rows)
    return best


def select(state, rows):
    if isinstance(state, (tuple, list)):
        return type(state)(select(part, rows) for part in state)
    return np.asarray(state)[np.array(rows, dtype="int32")]


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
