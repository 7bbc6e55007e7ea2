"""Byte-pair encoding: what a larger vocabulary buys.

Merges are learned on half of the paragraphs of Python's documentation and used on the
other half, which holds words that were never seen. Each merge makes the vocabulary
larger by one symbol and texts shorter. The first panel shows how many symbols a word
needs; the second how many of the words are one symbol, by how often they stand in the
text that taught the merges.

Paper: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with
       Subword Units", ACL 2016 (section 3.2)
"""

from collections import Counter
from pathlib import Path

import numpy as np

from course.bar import Bar
from course.data.load import load
from course.figures import curves, panels, save
from modules.nlp.translation.byte_pair_encoding import (
    decode,
    encode,
    learn,
    vocabulary,
)

FIGURE = Path(__file__).parents[1] / "figures" / "merges.png"
SIZES = (0, 30, 100, 300, 1000, 2000)
BANDS = {"never seen": (0, 0), "1 to 9 times": (1, 9), "10 times or more": (10, 10**9)}


def counted(split):
    """Return how often each word stands in a split."""
    texts = load("course_corpus/python", split, batch_size=-1)["text"].numpy()
    return Counter(word for text in texts for word in text.decode().split())


def pieces(counts, merges):
    """Return how many symbols each word falls into."""
    return {word: len(encode(word, merges)) for word in counts}


def mean(counts, sizes, words):
    """Return the mean number of symbols and the share of whole words, in %."""
    weights = [counts[word] for word in words]
    lengths = np.array([sizes[word] for word in words])
    return np.average(lengths, weights=weights), 100 * np.average(
        lengths == 1, weights=weights
    )


def main(out=FIGURE):
    seen, new = counted("train"), counted("test")
    bar = Bar(1 + len(SIZES))
    merges = learn(seen, SIZES[-1])
    bar.step()
    lengths, whole = [], {name: [] for name in BANDS}
    for size in SIZES:
        found = pieces(new, merges[:size])
        lengths.append(mean(new, found, new)[0])
        for name, (low, high) in BANDS.items():
            words = [word for word in new if low <= seen[word] <= high]
            whole[name].append(mean(new, found, words)[1])
        symbols = len(vocabulary(seen, merges[:size]))
        shares = ", ".join(f"{name} {row[-1]:.0f} %" for name, row in whole.items())
        print(f"{size} merges, {symbols} symbols: {lengths[-1]:.2f} symbols a word")
        print(f"  words that are one symbol: {shares}")
        bar.step()
    print("first merges:", " ".join(a + b for a, b in merges[:12]))
    rare = [word for word in sorted(new) if not seen[word] and word.isalpha()]
    for word in sorted(rare, key=len)[-40::10]:
        cut = encode(word, merges)
        assert decode(cut) == word
        print(f"{word}: {' '.join(cut)}")
    figure, [axes] = panels(1, 2, size=(4.8, 3.4))
    names = list(map(str, SIZES))
    curves(axes[0], names, {"": lengths}, "merges", "symbols for a word")
    axes[0].set_ylim(bottom=0)
    curves(axes[1], names, whole, "merges", "% of words in one symbol")
    save(figure, out)


if __name__ == "__main__":
    main()
