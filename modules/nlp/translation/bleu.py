"""BLEU: how many n-grams of a translation stand in the translations of people.

Paper: Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine
       Translation", ACL 2002.
Link:  https://aclanthology.org/P02-1040 (sections 2.1 to 2.3)

Sentences are lists of tokens. How text is cut into tokens changes the score by several
points, so scores of two papers can be compared only if both say how (Post, "A Call for
Clarity in Reporting BLEU Scores", 2018: sacrebleu).
"""

import math
from collections import Counter


def ngrams(tokens, n):
    """Return how often each run of n tokens occurs.

    Example:
        >>> ngrams("a b a b".split(), 2)
        Counter({('a', 'b'): 2, ('b', 'a'): 1})
    """
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def matches(hypothesis, references, n):
    """Return how many n-grams of a hypothesis stand in references, and how many it has.

        Count_clip = min(Count, largest count in any ONE reference)

    Args:
        hypothesis: list of tokens.
        references: list of lists of tokens.
        n: int >= 1.

    Returns:
        two ints; the second is 0 if the hypothesis is shorter than n.

    Example:
        >>> matches(["the"] * 7, ["the cat is on the mat".split()], 1)
        (2, 7)
    """
    found, most = ngrams(hypothesis, n), Counter()
    for reference in references:
        most |= ngrams(reference, n)  # of each n-gram the larger count
    return (found & most).total(), found.total()


def closest_length(hypothesis, references):
    """Return the length of the reference nearest in length, of two the shorter."""
    size = len(hypothesis)
    return min(map(len, references), key=lambda r: (abs(r - size), r))


def brevity_penalty(c, r):
    """Return BP = 1 if c > r, else exp(1 - r / c), in [0, 1].

    Precision cannot see what was left out; this does. It multiplies the score of a
    hypothesis that is too short; one that is too long has lost precision already.

    Args:
        c: int >= 0, tokens of all hypotheses. Where it is 0, BP is 0.
        r: int >= 0, tokens of all references, those of closest length.

    Example:
        >>> f"{brevity_penalty(9, 10):.4f}"
        '0.8948'
    """
    if c > r:
        return 1.0
    return math.exp(1 - r / c) if c else 0.0


def bleu(hypotheses, references, max_order=4):
    """Return the BLEU of a corpus, in [0, 1].

        BLEU = BP exp(sum over n of w_n ln p_n)      with w_n = 1 / N

    This is BP times the geometric mean of the modified precisions p_n. Each p_n is a
    ratio of sums over the whole corpus, not a mean over sentences. If one p_n is 0, so
    is BLEU. That is the paper's definition; for single sentences it is of no use, and
    libraries smooth there: they put a small number, or 1 more on both sides of the
    ratio, in place of 0 matches.

    Args:
        hypotheses: list of translations, each a list of tokens; it may be empty.
        references: list of lists: for each hypothesis one or more translations by
            people.
        max_order: int >= 1, called N, 4 in the paper.

    Raises:
        ValueError: there is nothing to compare: no hypotheses, not as many lists of
            references, a hypothesis without one, or text instead of tokens.

    Example:
        >>> hypothesis = "the cat sat on the mat".split()
        >>> f"{bleu([hypothesis], [['the cat lay on the mat'.split()]], 2):.4f}"
        '0.7071'
    """
    check(hypotheses, references, max_order)
    pairs = list(zip(hypotheses, references, strict=True))
    log_p = 0.0
    for n in range(1, max_order + 1):
        counts = [matches(h, r, n) for h, r in pairs]
        right, all_of_them = map(sum, zip(*counts, strict=True))
        if right == 0:
            return 0.0
        log_p += math.log(right / all_of_them) / max_order
    r = sum(closest_length(*pair) for pair in pairs)
    return brevity_penalty(sum(map(len, hypotheses)), r) * math.exp(log_p)


def check(hypotheses, references, max_order):
    """Refuse what has no BLEU.

    Raises:
        ValueError: as in `bleu`.
    """
    if not (isinstance(max_order, int) and max_order >= 1):
        raise ValueError(f"max_order must be an int >= 1, got {max_order!r}")
    if len(hypotheses) != len(references) or not len(hypotheses):
        sizes = f"{len(hypotheses)} and {len(references)}"
        raise ValueError(f"give as many lists of references as hypotheses, got {sizes}")
    for i, (hypothesis, those) in enumerate(zip(hypotheses, references, strict=True)):
        if not len(those):
            raise ValueError(f"hypothesis {i} has no reference")
        if any(isinstance(tokens, str) for tokens in (hypothesis, those, *those)):
            raise ValueError(
                f"a sentence is a list of tokens, and each hypothesis has a list of "
                f"such references; number {i} has text: use split()"
            )
