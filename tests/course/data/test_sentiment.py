"""course_sentiment: labels follow from the trees, and word counts cannot help."""

import hashlib
from collections import Counter

import pytest
import tensorflow_datasets as tfds

from course.data.load import load
from course.data.sentiment import CourseSentiment
from course.data.worlds import sentiment
from course.data.worlds.sentiment import Tree, neutral

COUNTS = {"train": 6_000, "test": 1_000, "minimal_pairs": 1_000}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def reviews(folder):
    """{split: [(text, label, tree), …]}"""
    sets = load("course_sentiment", data_dir=folder)
    return {
        split: [
            (e["text"].decode(), int(e["label"]), e["tree"].decode())
            for e in tfds.as_numpy(examples)
        ]
        for split, examples in sets.items()
    }


def bag(text):
    return tuple(sorted(text.split()))


def read(tree):
    """Return (label, word) or (label, left, right) from the bracket format."""
    stack = [[]]
    for token in tree.replace("(", " ( ").replace(")", " ) ").split():
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    ((root,),) = stack
    return root


def leaves(tree):
    return [tree[1]] if len(tree) == 2 else leaves(tree[1]) + leaves(tree[2])


def nodes(tree):
    yield tree
    if len(tree) == 3:
        yield from nodes(tree[1])
        yield from nodes(tree[2])


def expected_label(tree):
    """Recompute the label of an inner node from its two children."""
    _, left, right = tree
    a, b = int(left[0]) - 2, int(right[0]) - 2  # -2 to 2
    before, after = (" ".join(leaves(child)) for child in (left, right))
    if before in ("very", "truly", "really"):
        return 2 + (b > 0) * 2 - (b < 0) * 2
    if before in ("not", "never", "hardly", "far from"):
        return 2 + (b < 0) - (b > 0)
    if after == "; it was not":
        return 2 + (a < 0) - (a > 0)
    if after.startswith(", although "):
        return 2 + a
    first_is_concession = before.startswith("although ") and after.startswith(",")
    if after.startswith(("but ", "ruined ", "saved ")) or first_is_concession:
        return 2 + b
    assert a * b >= 0, f"{before!r} and {after!r} contradict each other"
    return 2 + (a if abs(a) > abs(b) else b)


def test_features_are_those_of_imdb_reviews_and_a_tree(folder, reviews):
    info = CourseSentiment(data_dir=folder).info
    assert sorted(info.features) == ["label", "text", "tree"]
    assert str(info.features["text"]) == "Text(shape=(), dtype=string)"
    assert info.features["label"].names == ["neg", "pos"]
    assert info.supervised_keys == ("text", "label")
    assert {split: len(examples) for split, examples in reviews.items()} == COUNTS


@pytest.mark.parametrize("split", COUNTS)
def test_labels_follow_from_the_trees(reviews, split):
    words = {}
    for text, label, tree in reviews[split]:
        root = read(tree)
        assert leaves(root) == text.split()
        assert (int(root[0]) > 2) == label and root[0] != "2"
        for node in nodes(root):
            if len(node) == 3:
                assert int(node[0]) == expected_label(node), tree
            else:
                assert words.setdefault(node[1], node[0]) == node[0], node
    assert set(words.values()) == set("01234")


def test_trees_by_hand():
    good, awful = Tree(3, "good"), Tree(0, "awful")
    not_good = sentiment.node(neutral("not"), good)
    assert str(not_good) == "(1 (2 not) (3 good))"
    very = sentiment.node(neutral("very"), good)
    assert sentiment.node(neutral("far from"), very).label == 1
    assert sentiment.node(neutral("not"), awful).label == 3
    x, y = sentiment.say("the plot is", good), sentiment.say("the cast is", awful)
    assert (sentiment.but(x, y).label, sentiment.but(y, x).label) == (0, 3)
    assert (sentiment.but(x, y).text) == "the plot is good but the cast is awful"
    assert sentiment.although_first(x, y).label == 0
    assert sentiment.although_last(x, y).label == 0
    assert sentiment.although_last(x, y).text.startswith("the cast is awful , although")
    assert sentiment.expected(awful, "it was not").label == 3
    assert sentiment.expected(awful, "it was").label == 0


def test_every_bag_of_words_in_minimal_pairs_has_both_labels_equally_often(reviews):
    votes = Counter()
    for text, label, _ in reviews["minimal_pairs"]:
        votes[bag(text)] += 2 * label - 1
    assert set(votes.values()) == {0}
    assert len(votes) > 450  # of 500 pairs


def test_no_bag_of_train_occurs_elsewhere(reviews):
    bags = {split: {bag(t) for t, _, _ in reviews[split]} for split in COUNTS}
    assert not bags["train"] & (bags["test"] | bags["minimal_pairs"])


def test_balance(reviews):
    for split, spread in [("train", 0.02), ("test", 0.04), ("minimal_pairs", 0)]:
        labels = [label for _, label, _ in reviews[split]]
        assert abs(sum(labels) / len(labels) - 0.5) <= spread


@pytest.mark.parametrize(
    "split, want",
    [("train", "a7cb45bf1fb76793"), ("minimal_pairs", "a2685b439d74a77c")],
)
def test_same_examples_every_time(split, want, folder):
    def first(count):
        builder = CourseSentiment(data_dir=folder)
        return [e for _, e in builder._generate_examples(split, count)]

    examples = first(100)
    text = "\n".join(f"{e['text']}\t{e['label']}\t{e['tree']}" for e in examples)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == want
    assert first(10) == examples[:10]
