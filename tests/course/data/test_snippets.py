"""course_snippets, read out of a tiny package in the format of the real one."""

import pytest

from course.data.load import load
from course.data.snippets import CourseSnippets

ROWS = [
    ("2.26666666667", "Sublime \x85 and clichés &amp; all"),
    ("-0.5", "Just bad enough"),
    ("0.5", "Just good enough"),
    ("0.49", "So so"),
    ("-0.49", "Oh well"),
    ("-3", "Sublime \x85 and clichés &amp; all"),
    *((str(2 - i % 2 * 3), f"Part {i}") for i in range(60)),
]


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """{split: [(text, label, valence), …]}"""
    root = tmp_path_factory.mktemp("packages")
    path = root / CourseSnippets.PACKAGE / CourseSnippets.FILES
    path.parent.mkdir(parents=True)
    (root / CourseSnippets.PACKAGE / "__init__.py").write_text("raise RuntimeError")
    rows = [("id", "sentiment", "text")]
    rows += [(str(i), *row) for i, row in enumerate(ROWS, 1)]
    path.write_bytes("".join("\t".join(row) + "\r\n" for row in rows).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root)
        sets = load("course_snippets", data_dir=root)
    return {
        split: [
            (e["text"].decode(), int(e["label"]), float(e["valence"]))
            for e in part.as_numpy_iterator()
        ]
        for split, part in sets.items()
    }


def test_what_is_kept(examples):
    found = {text: (label, v) for part in examples.values() for text, label, v in part}
    want = {f"Part {i}": (1 - i % 2, 2 - i % 2 * 3) for i in range(60)}
    want["Just bad enough"] = (0, -0.5)
    want["Just good enough"] = (1, 0.5)
    text = "Sublime \x85 and clichés & all"  # twice; the first one counts
    assert found.pop(text) == (1, pytest.approx(2.266667))
    assert found == want
    assert sum(map(len, examples.values())) == len(want) + 1


def test_splits(examples):
    train, test = ({text for text, *_ in examples[s]} for s in ("train", "test"))
    assert not train & test
    assert 1 <= len(test) < len(train)


def test_features_are_those_of_imdb_reviews_and_a_rating(tmp_path):
    info = CourseSnippets(data_dir=tmp_path).info
    assert sorted(info.features) == ["label", "text", "valence"]
    assert info.features["label"].names == ["neg", "pos"]
    assert str(info.features["valence"]) == "Scalar(shape=(), dtype=float32)"
    assert info.supervised_keys == ("text", "label")
