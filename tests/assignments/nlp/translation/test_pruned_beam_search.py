"""Grades assignments/nlp/translation/pruned_beam_search.py."""

import itertools

import numpy as np

from course.grading import close, points

FORBIDDEN = (
    "modules.nlp.translation.beam_search",
    "ops.top_k",
    "tf.math.top_k",
    "keras_hub",
    "transformers",
)
WORDS, END, NEVER = 5, 2, -np.inf


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def scored(log_p, attention, alpha, beta):
    """The score in plain loops."""
    cover = 0.0
    for source in range(attention.shape[1]):
        cover += np.log(min(1.0, sum(row[source] for row in attention)))
    return log_p / ((5 + len(attention)) / 6) ** alpha + beta * cover


class Table:
    """A translator whose next word depends on the place and the two words before.

    Its state is what it has read: (k, 2), the last two words.
    """

    def __init__(self, rng, places=6, source=3):
        self.z = 1.5 * rng.normal(size=(places, WORDS, WORDS, WORDS))
        self.z[0, ..., END] -= 2  # a translation of no words but the end is dull
        self.looks = rng.dirichlet([0.4] * source, size=(places, WORDS))

    def step(self, words, state):
        """Read the last word of each hypothesis; 0 and 0 stand before the first."""
        state = np.resize(np.asarray(state, dtype=int), (len(words), 2))
        if words[0]:
            last = np.array([row[-1] for row in words])
            state = np.stack([state[:, 1], last], axis=1)
        t = len(words[0])
        log_p = log_softmax(self.z[t, state[:, 0], state[:, 1]])
        looks = self.looks[t, state[:, 1]]
        return log_p.astype("f4"), looks.astype("f4"), state.astype("i4")

    def read(self, words):
        """Return ln P of words and the attention (T, S), one word after the other."""
        seen, total, looks = [0, 0, *words], 0.0, []
        for t, word in enumerate(words):
            total += log_softmax(self.z[t, seen[t], seen[t + 1]])[word]
            looks.append(self.looks[t, seen[t + 1]])
        return total, np.array(looks)

    def search(self, length, width, alpha, beta):
        """Beam search over whole sentences, all of them read anew each time."""
        alive, done = [()], {}
        while alive and len(done) < width:
            ways = []
            for place, words in enumerate(alive):
                log_p = [self.read((*words, w))[0] for w in range(WORDS)]
                ways += [
                    (-p, place, (*words, w))
                    for w, p in enumerate(log_p)
                    if p >= max(log_p) - 3.0
                ]
            best = [words for _, _, words in sorted(ways)[: width - len(done)]]
            done |= {
                w: scored(*self.read(w), alpha, beta) for w in best if w[-1] == END
            }
            alive = [w for w in best if w[-1] != END and len(w) < length]
        words = max(done, key=done.get, default=())
        return list(words), done.get(words, NEVER)


START = np.zeros((1, 2), "int32")


@points(3)
def test_score(submission, rng):
    """score divides ln P by lp and punishes words that got too little attention"""
    cases = [(4, 1.3, 0.7), (10, 0.6, 0.0), (7, 0.0, 0.4), (9, 0.6, 0.2), (1, 0.8, 0.3)]
    for words, alpha, beta in cases:
        attention = 0.9 * rng.dirichlet([0.5] * 3, size=words) + 0.01
        log_p = -float(rng.uniform(2, 9))
        got = submission.score(log_p, attention, alpha, beta)
        hint = f"{words} words, alpha {alpha}, beta {beta}"
        close(got, scored(log_p, attention, alpha, beta), hint=hint)
    much = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    want = -3.0 + np.log(0.3)
    close(
        submission.score(-3.0, much, 0.0, 1.0), want, hint="2.7 words' attention is 1"
    )


@points(1)
def test_prune_words(submission, rng):
    """prune_words drops what is far below the best word of its hypothesis"""
    for width in (3.0, 1.0, 2.0):
        log_p = log_softmax(3 * rng.normal(size=(3, 7))) - [[1.5], [4], [9]]
        want = [[p if p >= max(row) - width else NEVER for p in row] for row in log_p]
        close(submission.prune_words(log_p, width), np.array(want))


@points(2)
def test_expand(submission, rng):
    """expand takes the best sums of all hypotheses together"""
    for width in (2, 4, 30):
        totals = -3 * rng.random(3)
        log_p = log_softmax(2 * rng.normal(size=(3, 5)))
        log_p[1, :3] = log_p[2, 4] = NEVER
        sums = {(i, w): totals[i] + log_p[i, w] for i, w in np.ndindex(3, 5)}
        order = sorted((-s, *key) for key, s in sums.items() if s > NEVER)
        want = [(i, w, -s) for s, i, w in order[:width]]
        got = submission.expand(totals, log_p, width)
        close([tuple(way) for way in got], want, hint=f"width {width}")
    equal = np.log(np.full((2, 4), 0.25))
    got = [tuple(way) for way in submission.expand(np.zeros(2), equal, 3)]
    close(got, [(0, w, np.log(0.25)) for w in range(3)], hint="all sums are equal")


@points(3)
def test_search(submission, rng):
    """search keeps the best hypotheses, and compares what is finished"""
    table = Table(rng)
    table.z[0, 0, 0] = [0, 0, 5, 9, 0]  # the end would be second, but 4 below
    table.z[1, 0, 3] = np.log([0.4, 0.35, 1e-4, 1e-4, 0.25])
    table.z[2, 3, 0] = np.log([0.175, 0.175, 0.3, 0.175, 0.175])
    table.z[2, 3, 1] = np.log([0.125, 0.125, 0.5, 0.125, 0.125])
    table.z[2, 3, 4] = [-9, -9, 0, -9, -9]
    got = submission.search(table.step, START, 4, END, 3, 0.0, 0.0)
    close(list(got[0]), [3, 4, END], hint="words 3 below the best take no place")
    rare = [(3, 0.6, 0.2), (12, 0.0, 4.0)]
    often = [
        (2, 0.6, 0.2),
        (9, 0.0, 9.0),
        (3, 0.8, 0.4),
        (4, 0.0, 1.0),
        (1, 0.6, 0.0),
        (5, 1.0, 0.5),
    ]
    for width, alpha, beta in [*often, *rare]:
        for length in (4, 6):
            table = Table(rng)
            table.z[..., END] -= 1.0 * ((width, alpha, beta) in rare)
            got = submission.search(table.step, START, length, END, width, alpha, beta)
            want = table.search(length, width, alpha, beta)
            hint = f"{width} hypotheses, at most {length} words"
            close(list(got[0]), want[0], hint=hint)
            close(got[1], want[1], hint=hint)


@points(1)
def test_everything(submission, rng):
    """a search that holds everything finds the best; of width 1 it is greedy"""
    table = Table(rng)
    table.z /= 3  # so that pruning drops nothing
    got = submission.search(table.step, START, 3, END, 80, 0.6, 0.2)
    sentences = [
        (*words, END)
        for n in range(3)
        for words in itertools.product([0, 1, 3, 4], repeat=n)
    ]
    want = max(sentences, key=lambda words: scored(*table.read(words), 0.6, 0.2))
    close(list(got[0]), list(want))
    close(got[1], scored(*table.read(want), 0.6, 0.2))

    words, table.z[2:, :, :, END] = [], 9.0
    while not words or words[-1] != END:
        words.append(int(np.argmax(table.z[len(words)][tuple([0, 0, *words][-2:])])))
    got = submission.search(table.step, START, 6, END, 1, 0.6, 0.2)
    close(list(got[0]), words, hint="one hypothesis: the best word each time")


@points(1, after="test_search", seconds=20)
def test_recurrent_model(submission, rng):
    """your search translates with a recurrent model of the course"""
    model = submission.model()
    source = [3, 7, 5, 4, 6]
    words, s = submission.translate(model, source, 3)
    assert len(words), "nothing was finished"
    close(words[-1], END, hint="the last word is the end")
    given = np.array([[1, *words[:-1]]])
    inputs = [np.array([source]), given]
    logits, attention = model(inputs, return_attention_scores=True)
    log_p = log_softmax(np.asarray(logits, "float64")[0])
    total = sum(row[word] for row, word in zip(log_p, words, strict=True))
    want = scored(total, np.asarray(attention)[0], 0.6, 0.2)
    close(s, want, hint="the score of your translation, read by the model at once")
