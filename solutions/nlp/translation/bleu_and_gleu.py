"""Exercise: BLEU with smoothing, and GLEU for single sentences.

BLEU judges a whole test set: by the runs of words that a translation shares with those
that people made, and by its length. Of a single sentence it mostly says 0, since one
missing 4-gram makes the product vanish. Two ways out: count one match more where it
could be missing (Lin and Och), or take another score, GLEU, which Google's translator
was rewarded with. You write all of them from counts.

Paper: Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine
       Translation", ACL 2002.
Link:  https://aclanthology.org/P02-1040 (section 2)
Paper: Lin and Och, "ORANGE: a Method for Evaluating Automatic Evaluation Metrics for
       Machine Translation", COLING 2004.
Link:  https://aclanthology.org/C04-1072 (section 4: smoothing)
Paper: Wu et al., "Google's Neural Machine Translation System", 2016.
Link:  https://arxiv.org/abs/1609.08144 (section 5: GLEU)
See:   modules/nlp/translation/bleu.py
Needs: nlp/translation (BLEU)
Time:  40 minutes
Grade: python -m course grade nlp/translation/bleu_and_gleu

This is plain Python: sentences are lists of words, which may be empty, and results are
ints and floats. An n-gram is a run of n words, as a tuple.

When your functions are right, run this file: they judge a translator that knows the
words and no grammar.
"""

import math
from collections import Counter

from course.data.load import load


def matches(hypothesis, references, n):
    """Return how many n-grams of a translation are right, and how many it has.

    Of an n-gram, as many are right as the translation has, but not more than are in the
    ONE reference that has most of them.

    Args:
        hypothesis: list of words.
        references: list of lists of words, one or more.
        n: int >= 1.

    Returns:
        (right, all), two ints. All is 0 where the translation is shorter than n.
    """

    # BEGIN SOLUTION count n-grams, then clip their counts
    # HINT A Counter of tuples: Counter(tuple(words[i : i + n]) for i in range(...)).
    # HINT Of m words, how many runs of n are there? m - n + 1, or none.
    # HINT For Counters a | b takes the larger counts, a & b the smaller ones.
    # HINT sum(counter.values()) adds them up.
    def counts(words):
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        # WRONG return Counter(tuple(words[i : i + n]) for i in range(len(words) - n))
        # WHY you leave out the last n-gram: of m words there are m - n + 1

    found, most = counts(hypothesis), Counter()
    for reference in references:
        most |= counts(reference)
        # WRONG most += counts(reference)
        # WHY you add the counts of all references; what counts is the one reference
        # WHY that has most of this n-gram
        # WRONG most = counts(reference)
        # WHY only your last reference counts
    right = sum((found & most).values())
    # WRONG right = sum(count for gram, count in found.items() if gram in most)
    # WHY nothing is clipped: "the the the" is right three times if a reference has
    # WHY one "the"
    # WRONG right = len(found & most)
    # WHY you count different n-grams; one that is right twice counts twice
    return right, sum(found.values())
    # WRONG return right, len(found)
    # WHY you divide by the number of DIFFERENT n-grams; repeated ones count too
    # END SOLUTION


def closest_length(hypothesis, references):
    """Return the length of the reference that is nearest in length to a translation.

    Of two that are equally near, the shorter.

    Args:
        hypothesis: list of words.
        references: list of lists of words, one or more.

    Returns:
        int.
    """
    # BEGIN SOLUTION compare lengths, not words
    # HINT min(…, key=…) takes the item of smallest key.
    # HINT A key may be a pair: the distance, and the length where distances are equal.
    size = len(hypothesis)
    return min(map(len, references), key=lambda r: (abs(r - size), r))
    # WRONG return min(map(len, references))
    # WHY you take the shortest reference; BLEU takes the closest
    # WRONG return max(map(len, references))
    # WHY you take the longest reference; BLEU takes the closest
    # WRONG return min(map(len, references), key=lambda r: (abs(r - size), -r))
    # WHY of two equally near lengths you take the longer; the statement says shorter
    # WRONG return round(sum(map(len, references)) / len(references))
    # WHY you average the lengths; BLEU takes the closest
    # END SOLUTION


def brevity_penalty(c, r):
    """Return exp(1 - r / c) if the translations are shorter than the references.

    Args:
        c: int >= 0, words of all translations.
        r: int >= 0, words of all references, those of closest length.

    Returns:
        float in [0, 1]: 1 if c >= r, and 0 if c is 0.
    """
    # BEGIN SOLUTION look at three cases
    # HINT 9 words where 10 are right: exp(-1/9) = 0.895, and never above 1.
    if c == 0:
        return 0.0
    return min(1.0, math.exp(1 - r / c))
    # WRONG return math.exp(1 - c / r)
    # WHY your fraction is upside down, as in many lecture notes: for c = 9 and r = 10
    # WHY it would be 1.105 and reward brevity
    # WRONG return math.exp(1 - r / c)
    # WHY you reward what is too long: where c > r the penalty is 1
    # WRONG return min(1.0, c / r)
    # WHY you forget the exponential: exp(1 - r / c)
    # END SOLUTION


def bleu(hypotheses, references, smooth=0):
    """Return the BLEU of a corpus, smoothed.

    For n = 1, 2, 3 and 4, add up over the corpus how many n-grams are right, and how
    many there are. The precision of n = 1 is their ratio. For n > 1, `smooth` is added
    to both numbers first. BLEU is the geometric mean of the four, times the penalty for
    brevity. If a precision is 0, or has nothing to divide by, BLEU is 0.

    Args:
        hypotheses: list of sentences, one or more.
        references: for each of them a list of one or more sentences.
        smooth: int >= 0; 0 is the BLEU of the paper.

    Returns:
        float in [0, 1].
    """
    # BEGIN SOLUTION four precisions, their geometric mean, the penalty
    # HINT Add up first and divide then: sums over all sentences, one ratio per n.
    # HINT The geometric mean is exp(mean of the logarithms).
    # HINT Return 0.0 before you take the logarithm of 0.
    # HINT c adds up the lengths of the translations, r those from closest_length.
    log_p, orders = 0.0, [1, 2, 3, 4]
    # WRONG log_p, orders = 0.0, [1, 2, 3]
    # WHY you stop at 3-grams; BLEU counts 1- to 4-grams
    for n in orders:
        more = smooth if n > 1 else 0
        # WRONG more = smooth
        # WHY you smooth single words too; only n > 1 is smoothed
        # WRONG more = 0
        # WHY `smooth` is not used
        pairs = list(zip(hypotheses, references, strict=True))
        counts = [matches(hypothesis, those, n) for hypothesis, those in pairs]
        right = sum(count[0] for count in counts) + more
        found = sum(count[1] for count in counts) + more
        # WRONG found = sum(count[1] for count in counts)
        # WHY you add `smooth` to the matches only; without it below, a precision may
        # WHY be above 1
        # WRONG lengths = [len(r) for those in references for r in those]
        # WRONG found = sum(max(length - n + 1, 0) for length in lengths) + more
        # WHY you divide by the n-grams of the references: that is recall; BLEU divides
        # WHY by those of the translation
        if right == 0:
            return 0.0
            # WRONG continue
            # WHY you leave out a precision of 0; the geometric mean with a 0 is 0
        log_p += math.log(right / found) / len(orders)
        # WRONG log_p += right / found / 4
        # WHY the logarithm is missing, as in many lecture notes: without it this is
        # WHY exp of a mean, up to 2.718, and not the geometric mean
        # WRONG ratios = [(r + more) / max(f + more, 1) for r, f in counts]
        # WRONG log_p += math.log(sum(ratios) / len(ratios)) / 4
        # WHY you average the precisions of sentences; BLEU divides sums over the corpus
    c = sum(map(len, hypotheses))
    r = sum(closest_length(h, those) for h, those in pairs)
    return brevity_penalty(c, r) * math.exp(log_p)
    # WRONG return math.exp(log_p)
    # WHY the penalty for brevity is missing
    # WRONG return brevity_penalty(c, r) * math.exp(4 * log_p)
    # WHY you multiply the precisions and forget the fourth root
    # END SOLUTION


def gleu(hypothesis, reference):
    """Return the GLEU of one sentence: the smaller one of precision and recall.

    All n-grams of 1, 2, 3 and 4 words are counted together. Precision is how many of
    the translation's n-grams are right (clipped), recall the same number divided by
    how many n-grams the reference has.

    Args:
        hypothesis, reference: lists of words; both may be empty.

    Returns:
        float in [0, 1]; 0 where the two share nothing, also where one is empty.
    """
    # BEGIN SOLUTION add up over n, then divide by the larger number
    # HINT matches(hypothesis, [reference], n) gives two of the three numbers.
    # HINT matches(reference, [hypothesis], n) gives the third.
    # HINT The same number divided by the larger one is the smaller ratio.
    right = found = there = 0
    for n in (1, 2, 3, 4):
        r, f = matches(hypothesis, [reference], n)
        _, t = matches(reference, [hypothesis], n)
        right, found, there = right + r, found + f, there + t
    return right / max(found, there) if right else 0.0
    # WRONG return right / found if right else 0.0
    # WHY this is precision alone: a single right word would earn 1
    # WRONG return right / there if right else 0.0
    # WHY this is recall alone: whoever writes all words of the language earns 1
    # WRONG return 2 * right / (found + there) if right else 0.0
    # WHY this is F1, the harmonic mean; GLEU is the smaller one of precision and recall
    # END SOLUTION


def word_for_word(split="test", most=200):
    """Return translations by a dictionary alone, and the right ones; given."""
    data = load("course_zorp/short", "train", batch_size=-1)
    english, zorp = (
        [text.decode().split() for text in data[key].numpy()] for key in ("en", "zorp")
    )
    often, all_of_them, together = Counter(), Counter(), {}
    for source, target in zip(english, zorp, strict=True):
        often.update(set(source))
        all_of_them.update(set(target))
        for word in set(source):
            together.setdefault(word, Counter()).update(set(target))

    def dice(word):
        seen = together.get(word, Counter())
        return max(
            seen,
            key=lambda t: (seen[t] / (often[word] + all_of_them[t]), t),
            default=word,
        )

    book = {word: dice(word) for word in often}
    data = load("course_zorp/short", split, batch_size=-1)
    english = [text.decode().split() for text in data["en"].numpy()[:most]]
    zorp = [text.decode().split() for text in data["zorp"].numpy()[:most]]
    return [[book.get(word, word) for word in source] for source in english], zorp


if __name__ == "__main__":
    written, right = word_for_word()
    print(f"BLEU of {len(right)} sentences, word for word:", end=" ")
    print(f"{100 * bleu(written, [[words] for words in right]):.1f}")
    single = [bleu([w], [[r]]) for w, r in zip(written, right, strict=True)]
    print(f"single sentences with a BLEU of 0: {single.count(0.0)}")
    smooth = [bleu([w], [[r]], smooth=1) for w, r in zip(written, right, strict=True)]
    scores = list(map(gleu, written, right))
    print("sentence                       BLEU  smoothed  GLEU")
    for i in range(3):
        text = " ".join(written[i])[:29]
        print(f"{text:29} {single[i]:5.2f} {smooth[i]:9.2f} {scores[i]:5.2f}")
