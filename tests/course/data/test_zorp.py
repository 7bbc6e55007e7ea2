"""course_zorp: the translations are right, and the splits keep what they promise."""

import hashlib
import re
from itertools import product

import pytest
import tensorflow_datasets as tfds

from course.data.load import load
from course.data.worlds.zorp import translate
from course.data.worlds.zorp_english import english, parse
from course.data.worlds.zorp_words import (
    ACQUAINTED,
    ADJECTIVES,
    DETERMINERS,
    JOINTS,
    NOT,
    NOUNS,
    POSTPOSITIONS,
    SHORE,
    TENSES,
    VERBS,
)
from course.data.zorp import UNSEEN, CourseZorp

COUNTS = {"train": 12_000, "test": 1_000, "longer": 500, "compounds": 500}
BY_HAND = {
    "the dog sees a bird": "zo tur pil ziros",
    "the dogs see a bird": "zoi turi pil ziroin",
    "the cats see a bird": "zai meshi pil zirain",
    "a cat saw these birds": "mesh gai pili ti ziras",
    "an old cat will not see the birds": "mesh arva zai pili ke ziras nu",
    "the dog does not love some red moons": "zo tur sevi rishai yisos nu",
    "some children near this tower did not hear the white storms under the boat": (
        "za vash dra pelini ga kol bu zoi droki beloi ti klemain nu"
    ),
    "the kings beside the tower near a tree paint this moonbird": (
        "zoi varoki za kol bren bu wi ga pilesev buloin"
    ),
    "the old dogs near a tree did not see this red bird": (
        "zoi turi arvoi bren bu ga pil risha ti ziroin nu"
    ),
    "the king knows the teacher": "zo varok za solim sorfos",
    "the king knows the riverfishes": "zo varok zai lashenuli sorfos",
    "the king knows the riverhouse": "zo varok zo zegenul nekos",
    "the fox found the big bank on the big bank": (
        "za lorum gona su zo ruv zo tavik gono ti doshos"
    ),
    "the fox found the letter in the big bank": (
        "zo tavik gono mo zo ruv zo fetil ti doshos"
    ),
    "the dog sees a bird and the mice need an apple": (
        "zo tur pil ziros ep zoi nibi yom gapoin"
    ),
    "the dog sees a bird because the mice need an apple": (
        "zoi nibi yom gapoin dal zo tur pil ziros"
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def pairs(folder):
    """{split: [(English, Zorp), …]} of the short config."""
    sets = load("course_zorp/short", data_dir=folder, as_supervised=True)
    return {
        split: [(en.decode(), zorp.decode()) for en, zorp in tfds.as_numpy(examples)]
        for split, examples in sets.items()
    }


def first(config, split, folder, count=100):
    builder = CourseZorp(config=config, data_dir=folder)
    return [example for _, example in builder._generate_examples(split, count)]


def test_features_are_those_of_a_translation_set(folder, pairs):
    info = CourseZorp(config="short", data_dir=folder).info
    assert list(info.features) == ["en", "zorp"]
    assert {str(f) for f in info.features.values()} == {"Text(shape=(), dtype=string)"}
    assert info.supervised_keys == ("en", "zorp")
    assert {split: len(examples) for split, examples in pairs.items()} == COUNTS


@pytest.mark.parametrize("text", BY_HAND)
def test_translations_by_hand(text):
    assert translate(text) == BY_HAND[text]


def test_every_english_sentence_means_its_translation(pairs):
    for text, zorp in [pair for examples in pairs.values() for pair in examples]:
        assert english(parse(text)) == text
        assert translate(text) == zorp


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the dog",
        "the dog see a bird",
        "a apple sees a bird",
        "the dog sees a bird and",
        "the dog sees a bird red",
        "the dog sees le chat",
    ],
)
def test_refuses_what_the_grammar_does_not_make(text):
    with pytest.raises(ValueError, match="the grammar of zorp.py does not make"):
        translate(text)


def test_words_of_zorp_are_distinct_and_pronounceable():
    nouns = {*NOUNS.values(), SHORE}
    words = [noun.stem + number for noun in nouns for number in ("", "i")]
    verbs = [verb.stem for verb in VERBS.values()] + [ACQUAINTED]
    agreeing = [*ADJECTIVES.values(), *filter(None, DETERMINERS.values())]
    words += [s + v + n for s, v, n in product(agreeing, "ao", ("", "i"))]
    words += [s + v + n for s, v, n in product(verbs, "ao", ("s", "in"))]
    words += [*POSTPOSITIONS.values(), *JOINTS.values(), NOT]
    words += filter(None, TENSES.values())
    assert len(set(words)) == len(words)
    consonants = "[bcdfghjklmnprstvwyz]"
    assert not [word for word in words if re.search(consonants + "{3}", word)]
    assert all(re.fullmatch(f"({consonants}|[aeiou])+", word) for word in words)


def test_splits(pairs):
    texts = {split: {en for en, _ in examples} for split, examples in pairs.items()}
    lengths = {split: {len(t.split()) for t in texts[split]} for split in texts}
    assert not texts["train"] & texts["test"]
    for split in ("train", "test", "compounds"):
        assert lengths[split] == {5, 6, 7, 8, 9}
    assert lengths["longer"] == {10, 11, 12, 13, 14}
    known = set(" ".join(texts["train"]).split())
    for split, examples in texts.items():
        assert (split == "compounds") != (set(" ".join(examples).split()) <= known)
        new = [any(word in text for word in UNSEEN) for text in examples]
        assert all(new) if split == "compounds" else not any(new)


def test_both_meanings_occur(pairs):
    zorp = " ".join(zorp for _, zorp in pairs["train"])
    for stem in ("nek", ACQUAINTED, NOUNS["bank"].stem, SHORE.stem):
        assert zorp.count(f" {stem}") > 50


@pytest.mark.parametrize(
    "config, split, want",
    [
        ("full", "train", "c6a51104284071e8"),
        ("full", "longer", "c720ace3a2e3822a"),
        ("short", "train", "92cfedfc47088966"),
    ],
)
def test_same_examples_every_time(config, split, want, folder):
    examples = first(config, split, folder)
    text = "\n".join(f"{e['en']}\t{e['zorp']}" for e in examples)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == want
    assert first(config, split, folder, 10) == examples[:10]
