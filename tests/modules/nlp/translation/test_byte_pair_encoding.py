import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from modules.nlp.translation.byte_pair_encoding import (
    decode,
    encode,
    learn,
    merge,
    symbols,
    vocabulary,
)

PAPER = {"low": 5, "lower": 2, "newest": 6, "widest": 3}  # its algorithm 1
TEXT = """The most frequent pair of neighbours becomes one symbol, again and again.
Words that are seen often stay in one piece; seldom seen words fall into pieces, and
these pieces are seen often themselves. What was learned first is merged first."""
COUNTS = Counter(TEXT.split())


def slowly(counts, num_merges, ties):
    """The paper's algorithm 1: count everything again after each merge.

    `ties` collects how many pairs were equally frequent, one number for each merge.
    """
    words, merges = {symbols(word): n for word, n in counts.items()}, []
    for _ in range(num_merges):
        pairs = Counter()
        for word, n in words.items():
            for pair in pairwise(word):
                pairs[pair] += n
        if not pairs:
            break
        most = max(pairs.values())
        best = sorted(pair for pair, n in pairs.items() if n == most)
        ties.append(len(best))
        merges.append(best[0])
        words = {merge(word, best[0]): n for word, n in words.items()}
    return merges


def random_counts(rng):
    """Return words with counts that are so different that pairs hardly ever tie."""
    words = {
        "".join(rng.choice(list("abcd"), size=rng.integers(1, 9))) for _ in range(90)
    }
    return {w: int(rng.integers(1, 10**6)) for w in sorted(words)}


def test_merges_of_the_paper():
    """Its figure of merges is for other counts; these are the well-known toy's.

    (e, s) and (s, t</w>) both occur nine times; e comes before s. The lone most
    frequent symbol is e, with 17: what is merged is a pair.
    """
    got = learn(PAPER, 5)
    want = [("e", "s"), ("es", "t</w>"), ("l", "o"), ("e", "w"), ("ew", "est</w>")]
    assert got == want
    assert [a + b for a, b in got[:3]] == ["es", "est</w>", "lo"]


@pytest.mark.parametrize("seed", range(5))
def test_equals_counting_again_each_time(seed):
    counts = random_counts(np.random.default_rng(seed))
    assert learn(counts, 60) == slowly(counts, 60, [])
    assert learn(COUNTS, 80) == slowly(COUNTS, 80, [])


@pytest.mark.parametrize("seed", range(6))
def test_equals_hugging_face_where_nothing_ties(seed):
    hub = pytest.importorskip("tokenizers")
    counts, ties = random_counts(np.random.default_rng(seed)), []
    merges = slowly(counts, 60, ties)
    alone = next((i for i, n in enumerate(ties) if n > 1), len(ties))
    assert alone >= 12  # merges before the first tie
    merges = merges[:alone]
    assert learn(counts, alone) == merges
    pieces = {piece: i for i, piece in enumerate(vocabulary(counts, merges))}
    inner = {symbol for word in counts for symbol in word} - set(pieces)
    pieces |= {symbol: len(pieces) + i for i, symbol in enumerate(sorted(inner))}
    model = hub.models.BPE(pieces, merges, end_of_word_suffix="</w>")
    theirs = hub.Tokenizer(model)
    theirs.pre_tokenizer = hub.pre_tokenizers.WhitespaceSplit()
    rng = np.random.default_rng(seed)
    new = ["".join(rng.choice(list("abcd"), size=9)) for _ in range(40)]
    text = " ".join([*counts, *new])
    assert encode(text, merges) == theirs.encode(text).tokens


@pytest.mark.parametrize("seed", range(3))
def test_learns_what_hugging_face_learns(seed):
    """Their trainer weighs words by count too; it gets the words one by one."""
    hub = pytest.importorskip("tokenizers")
    counts = {
        w: n % 97 + 1 for w, n in random_counts(np.random.default_rng(seed)).items()
    }
    ties = []
    slowly(counts, 60, ties)
    alone = next((i for i, n in enumerate(ties) if n > 1), len(ties))
    assert alone >= 5
    theirs = hub.Tokenizer(hub.models.BPE())
    theirs.pre_tokenizer = hub.pre_tokenizers.WhitespaceSplit()
    first = len({c for w in counts for c in w} | {w[-1] + "</w>" for w in counts})
    trainer = hub.trainers.BpeTrainer(
        vocab_size=first + alone, end_of_word_suffix="</w>", show_progress=False
    )
    theirs.train_from_iterator(
        (w for w, n in counts.items() for _ in range(n)), trainer
    )
    made = sorted(theirs.get_vocab().items(), key=lambda item: item[1])[first:]
    assert [piece for piece, _ in made] == [a + b for a, b in learn(counts, alone)]


def test_round_trip():
    for merges in ([], learn(COUNTS, 20), learn(COUNTS, 1000)):
        assert decode(encode(TEXT, merges)) == " ".join(TEXT.split())
        unseen = "Zürich ∀x über-all a"
        assert decode(encode(unseen, merges)) == unseen
    assert encode(" \n", merges) == [] and decode([]) == ""


def test_a_word_of_the_text_is_one_symbol_in_the_end():
    merges = learn(COUNTS, 1000)
    assert encode(TEXT, merges) == [word + "</w>" for word in TEXT.split()]
    assert len(merges) < 1000  # there was nothing left to merge


def test_pieces_of_training_text_are_in_the_vocabulary():
    merges = learn(COUNTS, 60)
    known = vocabulary(COUNTS, merges)
    assert set(encode(TEXT, merges)) <= set(known)
    assert len(known) == len(vocabulary(COUNTS, [])) + len(set(merges))
    pieces = set(vocabulary(COUNTS, []))
    for a, b in merges:
        assert {a, b} <= pieces
        pieces.add(a + b)


def test_no_merge_crosses_words():
    """The most frequent neighbours are the a and the b of "a b", two words."""
    assert learn({"a": 99, "b": 99, "cd": 1}, 9) == [("c", "d</w>")]
    assert all("</w>" not in a for a, _ in learn(COUNTS, 1000))


def test_frequency_of_words_counts():
    assert learn({"ab": 1, "cab": 1, "dab": 1, "xy": 4}, 1) == [("x", "y</w>")]


def test_encoding_keeps_the_order_of_learning():
    """The longest symbol, abc, is out of reach once (b, c) is merged."""
    merges = [("b", "c"), ("a", "b"), ("ab", "c")]
    assert encode("abcd", merges) == ["a", "bc", "d</w>"]


def test_overlapping_pairs_merge_from_the_left():
    assert merge(("a",) * 5, ("a", "a")) == ("aa", "aa", "a")
    assert merge(tuple("abab"), ("a", "b")) == ("ab", "ab")
    assert merge(("a",), ("a", "a")) == ("a",)


def test_ties_do_not_depend_on_hashing_or_order():
    code = (
        "from modules.nlp.translation.byte_pair_encoding import learn\n"
        "words = 'the cat sat on the mat and the dog sat too'.split()\n"
        "print(learn({w: 1 for w in words}, 15))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code.replace("in words", f"in words{order}")],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, order in [("1", ""), ("2", ""), ("3", "[::-1]")]
    }
    assert len(said) == 1


@pytest.mark.parametrize("word", ["", "two words", "end</w>", " x"])
def test_rejects_words(word):
    with pytest.raises(
        ValueError, match="a word must have characters but no </w>, got"
    ):
        learn({word: 3}, 1)


@pytest.mark.parametrize("num_merges", [-1, 2.0, None])
def test_rejects_num_merges(num_merges):
    with pytest.raises(ValueError, match="num_merges must be an int >= 0, got"):
        learn(PAPER, num_merges)


def test_other_first_symbols():
    """With characters alone there is no end of a word, and merges may reach it."""
    assert learn({"ab": 3, "cab": 2}, 2, tuple) == [("a", "b"), ("c", "ab")]
