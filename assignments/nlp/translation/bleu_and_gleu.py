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

    # TODO: count n-grams, then clip their counts
    raise NotImplementedError


def closest_length(hypothesis, references):
    """Return the length of the reference that is nearest in length to a translation.

    Of two that are equally near, the shorter.

    Args:
        hypothesis: list of words.
        references: list of lists of words, one or more.

    Returns:
        int.
    """
    # TODO: compare lengths, not words
    raise NotImplementedError


def brevity_penalty(c, r):
    """Return exp(1 - r / c) if the translations are shorter than the references.

    Args:
        c: int >= 0, words of all translations.
        r: int >= 0, words of all references, those of closest length.

    Returns:
        float in [0, 1]: 1 if c >= r, and 0 if c is 0.
    """
    # TODO: look at three cases
    raise NotImplementedError


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
    # TODO: four precisions, their geometric mean, the penalty
    raise NotImplementedError


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
    # TODO: add up over n, then divide by the larger number
    raise NotImplementedError


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
