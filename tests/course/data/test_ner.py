"""course_ner: names never decide, tags are exact, and no test name is in train."""

import hashlib
from collections import Counter, defaultdict

import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core.dataset_builders.conll import CONLL_2003_ORDERED_FEATURES

from course.data import ner
from course.data.generated import seeded
from course.data.load import load
from course.data.worlds.ner import ENDINGS, STEMS, entities, sentence
from course.data.worlds.ner_grammar import RULES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def examples(folder):
    """Return the examples of each split with texts for numbers."""
    splits, info = load("course_ner", with_info=True, data_dir=folder)
    name = {f: info.features[f].feature.int2str for f in ("pos", "ner")}
    return {
        split: [
            {
                "tokens": [word.decode() for word in e["tokens"]],
                "pos": [name["pos"](tag) for tag in e["pos"]],
                "ner": [name["ner"](tag) for tag in e["ner"]],
            }
            for e in rows.as_numpy_iterator()
        ]
        for split, rows in splits.items()
    }


@pytest.fixture(scope="module")
def drawn():
    return [sentence(seeded("test", index), STEMS[:20]) for index in range(5_000)]


def test_features_are_those_of_conll2003_without_chunks(folder):
    features = tfds.builder("course_ner", data_dir=folder).info.features
    real = tfds.features.FeaturesDict(CONLL_2003_ORDERED_FEATURES)
    assert set(features) == set(real) - {"chunks"}
    for key in features:
        assert repr(features[key]) == repr(real[key])
    for key in ("pos", "ner"):
        assert features[key].feature.names == real[key].feature.names


def test_counts_and_lengths(examples):
    assert {split: len(rows) for split, rows in examples.items()} == {
        "train": 4_000,
        "test": 800,
    }
    for rows in examples.values():
        for e in rows:
            assert len(e["tokens"]) == len(e["pos"]) == len(e["ner"]) > 2
            assert e["tokens"][-1] == "." and e["tokens"][0][0].isupper()


def test_no_test_name_is_in_train(examples):
    text = {
        split: {f" {' '.join(e['tokens'])} " for e in rows}
        for split, rows in examples.items()
    }
    train = "".join(text["train"])
    names = {
        " ".join(e["tokens"][start:stop])
        for e in examples["test"]
        for _, start, stop in entities(e["ner"])
    }
    assert len(names) > 900
    assert not [name for name in names if f" {name} " in train]
    words = {w for e in examples["test"] for w in e["tokens"]}
    assert words & set(ner.UNSEEN) and not words & set(ner.SEEN)


def test_tags_continue_only_what_has_begun(examples):
    for rows in examples.values():
        for e in rows:
            for before, tag in zip(["O", *e["ner"]], e["ner"], strict=False):
                if tag.startswith("I-"):
                    assert before in (f"B-{tag[2:]}", tag)


def test_every_name_is_inside_an_entity_and_no_lower_case_word_begins_one(drawn):
    for tokens in drawn:
        for token in tokens:
            if token.text in STEMS or token.text.endswith("ian"):
                assert token.ner != "O"
            if token.ner.startswith("B-"):
                assert token.text[0].isupper()


def test_without_names_the_words_fix_the_tags(drawn):
    """Whatever the names are, equal contexts never carry two readings."""
    readings = defaultdict(set)
    for tokens in drawn:
        context = " ".join(without_name(token.text) for token in tokens)
        readings[context].add(" ".join(token.ner for token in tokens))
    assert len(readings) > 3_000
    assert [c for c, tags in readings.items() if len(tags) > 1] == []


def without_name(word):
    if word in STEMS:
        return "X"
    return "Xian" if word.endswith("ian") and len(word) > 4 else word


def test_a_name_is_of_each_kind_as_often_as_any_other(drawn):
    kinds = defaultdict(Counter)
    for tokens in drawn:
        for token in tokens:
            if token.text in STEMS:
                kinds[token.text][token.ner[2:]] += 1
    everything = sum(kinds.values(), Counter())
    assert everything.keys() == {"PER", "ORG", "LOC", "MISC"}
    for counts in kinds.values():
        for kind, count in everything.items():
            expected = counts.total() * count / everything.total()
            assert abs(counts[kind] - expected) < 5 * expected**0.5


def test_names_in_a_row(examples):
    """Same kind, no word between: only B- says that there are two."""
    rows = examples["train"]
    twice = [
        any(b == c and tags.startswith("B-") for b, c, tags in pairs(e["ner"]))
        for e in rows
    ]
    assert 0.05 < sum(twice) / len(rows) < 0.2


def pairs(tags):
    return [(a[2:], b[2:], b) for a, b in zip(tags, tags[1:], strict=False)]


def test_no_entity_can_be_read_as_two():
    """No word ends one kind of entity and begins another, nor is it a name."""
    begins = {w[0] for s in ("given", "port") for w in RULES[s]} | {"Bank/NNP"}
    inner = {w[0] for s in ("trade", "landscape", "contest") for w in RULES[s]}
    inner |= {"&/CC", "of/IN", "on/IN", "Sea/NNP"}
    assert not begins & inner
    assert not {w.split("/")[0] for w in begins | inner} & set(STEMS)


def test_every_symbol_of_the_grammar_is_known():
    used = {part for lines in RULES.values() for line in lines for part in line}
    symbols = {part for part in used if "/" not in part} - {"STEM", "STEMIAN"}
    assert symbols | {"sentence"} == RULES.keys()
    tags = {part.split("/")[1] for part in used if "/" in part}
    assert tags <= set(ner.conll.POS_TAGS)


def test_entities_by_hand():
    tags = "B-PER B-PER I-PER O B-ORG I-LOC I-LOC O I-PER".split()
    assert entities(tags) == [
        ("PER", 0, 1),
        ("PER", 1, 3),
        ("ORG", 4, 5),
        ("LOC", 5, 7),
        ("PER", 8, 9),
    ]


def test_names():
    assert len(set(STEMS)) == len(STEMS) == 784
    assert len(ENDINGS.split()) == 28
    assert 0.2 < len(ner.UNSEEN) / len(STEMS) < 0.3


def test_same_examples_every_time(folder):
    builder = tfds.builder("course_ner", data_dir=folder)
    first = dict(builder._generate_examples("train", 100))
    digest = hashlib.sha256(repr([*first.values()]).encode()).hexdigest()
    assert digest[:16] == "0e8511d4df2627af"
    assert dict(builder._generate_examples("train", 3)) == {
        i: first[i] for i in (0, 1, 2)
    }
