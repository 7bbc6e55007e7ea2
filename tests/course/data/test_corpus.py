"""course_corpus: words keep the company of their factors; prose is clean."""

import hashlib
import re
import sys
from collections import Counter, defaultdict

import pytest
import tensorflow_datasets as tfds

from course.data.generated import seeded
from course.data.load import load
from course.data.packages import package_files
from course.data.worlds import prose
from course.data.worlds.corpus import FACTORS, analogies, sentence

STORIES = [
    f"Story {i} began in May. Rain fell on day {i}. It is over." for i in range(60)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def gensim(tmp_path, monkeypatch):
    """A folder that looks like the installed package and fails when imported."""
    file = tmp_path.joinpath("gensim", *prose.LEE.split("/"))
    file.parent.mkdir(parents=True)
    file.write_text("\n".join([*STORIES, STORIES[0]]) + "\n", "utf-8")
    (tmp_path / "gensim" / "__init__.py").write_text("1 / 0")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return file


@pytest.fixture(scope="module")
def drawn():
    return [sentence(seeded("test", index)).split() for index in range(8_000)]


def texts(config, folder):
    splits = load(f"course_corpus/{config}", data_dir=folder, batch_size=-1)
    return {
        split: [text.decode() for text in examples["text"].numpy()]
        for split, examples in splits.items()
    }


def sentences(paragraphs):
    """Return the set of what stands between full stops, colons and the like."""
    parts = [re.split(r"(?<=[.:?!]) ", paragraph) for paragraph in paragraphs]
    return {part for some in parts for part in some if len(part.split()) > 4}


def test_features_are_those_of_lm1b(folder):
    real = tfds.builder("lm1b", data_dir=folder).info
    ours = load("course_corpus", "test", data_dir=folder, with_info=True)[1]
    assert repr(ours.features) == repr(real.features)
    assert ours.config_name == "grammar"


def test_grammar_splits(folder):
    got = texts("grammar", folder)
    assert {split: len(rows) for split, rows in got.items()} == {
        "train": 18_000,
        "test": 2_000,
    }
    assert not set(got["train"]) & set(got["test"])
    assert {w for t in got["test"] for w in t.split()} <= {
        w for t in got["train"] for w in t.split()
    }


def test_factors():
    assert FACTORS["queens"] == ("king", "female", "plural", "")
    assert FACTORS["aunt"] == ("uncle", "female", "singular", "")
    assert FACTORS["sings"] == ("sings", "", "singular", "present")
    assert FACTORS["write"] == ("writes", "", "plural", "present")
    assert FACTORS["taught"] == ("teaches", "", "", "past")
    assert len(FACTORS) == 14 * 4 + 14 * 3
    assert Counter(f.gender for f in FACTORS.values()) == {
        "male": 28,
        "female": 28,
        "": 42,
    }


def test_analogies_change_the_same_factors():
    quads = analogies()
    assert len(set(quads)) == len(quads) == 2 * 28 * 27 + 3 * 14 * 13
    assert ("king", "queen", "man", "woman") in quads
    assert ("sings", "sang", "writes", "wrote") in quads
    for quad in quads:
        a, b, c, d = (FACTORS[word] for word in quad)
        assert len(set(quad)) == 4 and a.base == b.base and c.base == d.base
        changed = [(x, y) for x, y in zip(a[1:], b[1:], strict=True) if x != y]
        assert changed == [(x, y) for x, y in zip(c[1:], d[1:], strict=True) if x != y]
        assert changed


def test_words_agree(drawn):
    signs = {
        ("gender", "male"): {"his", "himself", "gentleman"},
        ("gender", "female"): {"her", "herself", "lady"},
        ("number", "singular"): {"this", "that", "one", "every"},
        ("number", "plural"): {"these", "two", "many", "several", "each"},
        ("tense", "present"): {"today", "now", "moment"},
        ("tense", "past"): {"yesterday", "week", "ago"},
    }
    for words in drawn:
        has = {pair for w in words if w in FACTORS for pair in pairs(FACTORS[w])}
        has |= {pair for pair, some in signs.items() if some & set(words)}
        assert len({factor for factor, _ in has}) == len(has) == 3


def pairs(factors):
    return [pair for pair in list(factors._asdict().items())[1:] if pair[1]]


def test_factors_are_independent(drawn):
    """How often two factors meet is what their frequencies say."""
    counts, total = defaultdict(Counter), len(drawn)
    for words in drawn:
        noun, verb = (FACTORS[w] for w in words if w in FACTORS)
        has = [noun.base, noun.gender, noun.number, verb.base, verb.tense]
        for place, value in enumerate(has):
            counts[place][value] += 1
            for other in range(place):
                counts[other, place][has[other], value] += 1
    for key, joint in counts.items():
        if isinstance(key, tuple):
            first, second = (counts[place] for place in key)
            assert len(joint) == len(first) * len(second)
            for (x, y), count in joint.items():
                expected = first[x] * second[y] / total
                assert abs(count - expected) < 5 * expected**0.5


def test_python_is_prose():
    paragraphs = prose.python()
    words = " ".join(paragraphs).split()
    assert 25_000 < len(words) < 100_000
    for text in paragraphs:
        assert not re.search(r'[*"`“”’<>=|{}\n]|  |\[\d+\]|::|^\d', text), text
        assert text[0].isupper() and text[-1] in ".:?!" and text == text.strip()
    common = Counter(word.lower() for word in words)
    assert common["the"] > 0.05 * len(words) and common["def"] < 0.001 * len(words)


def test_python_splits(folder):
    got = texts("python", folder)
    assert len(got["train"]) > 600 and len(got["test"]) > 60
    assert len(set(got["train"])) == len(got["train"])
    assert not sentences(got["train"]) & sentences(got["test"])


def test_paragraph_by_hand():
    block = '* The *name* of "if" – see **PEP 8** [3] – is\n  a ‘word’.\n'
    assert prose._plain(block) == "The name of if - see PEP 8 - is a 'word'."
    assert "*" in prose._plain('A "**name" and the "**other" one.')
    assert prose._plain("[1] Changed in version 3.9: Now *x*\n   is.") == "Now x is."


@pytest.mark.parametrize(
    "text",
    [
        "The if statement",
        "This is rather short.",
        "x = f(y) is what the program does here , always.",
        "while this loop runs on and on nothing else does.",
        "Operator Description of it and of what it does to numbers",
        "A (1) (2) (3) (4) (5) (6) (7) (8).",
    ],
)
def test_what_is_not_prose(text):
    assert not prose._is_prose(text)


def test_test_paragraphs_lose_what_train_says():
    again = "It is the same. "
    train, test = prose.split_in_two([f"{again}Text {i} is new." for i in range(99)])
    assert len(train) + len(test) == 99 and len(test) > 3
    assert all(again in text for text in train)
    assert all(text.startswith("Text") for text in test)


def test_lee_is_read_from_the_package(folder, gensim):
    got = texts("lee", folder)
    assert "gensim" not in sys.modules
    assert sum(map(len, got.values())) == len(STORIES)
    assert not sentences(got["train"]) & sentences(got["test"])
    assert sentences(got["train"]) | sentences(got["test"]) <= sentences(STORIES)


@pytest.mark.parametrize("missing", ["package", "file"])
def test_missing_package_says_what_to_install(tmp_path, gensim, missing, monkeypatch):
    if missing == "file":
        gensim.unlink()
    else:
        gensim.parents[2].rename(tmp_path / "other")
    with pytest.raises(ModuleNotFoundError) as caught:
        load("course_corpus/lee", data_dir=tmp_path / "data")
    assert str(caught.value) == (
        "gensim/test/test_data/lee_background.cor is not installed: run "
        "python -m pip install --no-deps gensim"
    )
    assert not list((tmp_path / "data").glob("course_corpus/*"))


def test_file_of_a_package_and_of_a_module():
    [path] = package_files("rich", "__init__.py", "rich")
    assert path.parts[-2:] == ("rich", "__init__.py")
    with pytest.raises(ModuleNotFoundError, match="six/x.py .* install --no-deps six"):
        package_files("six", "x.py", "six")


def test_same_sentences_every_time(folder):
    builder = tfds.builder("course_corpus/grammar", data_dir=folder)
    first = dict(builder._generate_examples("train", 100))
    digest = hashlib.sha256(repr([*first.values()]).encode()).hexdigest()
    assert digest[:16] == "f34b4c3b783e858c"
    assert dict(builder._generate_examples("train", 2)) == {i: first[i] for i in (0, 1)}
