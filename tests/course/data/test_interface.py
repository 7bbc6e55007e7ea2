"""course_interface, read out of a tiny package in the format of the real one."""

import json

import pytest

from course.data.interface import CourseInterface, is_translation
from course.data.load import load

HEAD = {"domain": "jupyterlab", "language": "fr-FR", "version": "jupyterlab"}
FILES = {
    "a": {
        "": HEAD,
        "Warning": ["Avertissement"],
        "settings\x04Font size": [" Taille de police "],
        "%1 cell": ["%1 cellule", "%1 cellules"],
        "Shell": ["Shell"],
        "Empty": [""],
        "Two\nlines": ["Deux\nlignes"],
        "Renamed %1 in %2": ["Renommé %1"],
    },
    "b": {"": HEAD, "Warning": ["Alerte"], "Copy link…": ["Copier le lien…"]}
    | {f"Cell {i}": [f"Cellule {i}"] for i in range(60)},
}
WANT = {
    "Warning": "Avertissement",
    "Font size": "Taille de police",
    "%1 cell": "%1 cellule",
    "Copy link…": "Copier le lien…",
} | {f"Cell {i}": f"Cellule {i}" for i in range(60)}


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    """A prepared builder; the package would raise if it were imported."""
    root = tmp_path_factory.mktemp("packages")
    folder = root / CourseInterface.PACKAGE / "locale" / "fr_FR" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (root / CourseInterface.PACKAGE / "__init__.py").write_text("raise RuntimeError")
    for name, messages in FILES.items():
        (folder / f"{name}.json").write_text(json.dumps(messages), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root)
        load("course_interface", data_dir=root)
    return CourseInterface(data_dir=root)


def texts(builder, split):
    examples = builder.as_dataset(split=split)
    return {e["en"].decode(): e["fr"].decode() for e in examples.as_numpy_iterator()}


def test_what_is_kept(builder):
    train, test = texts(builder, "train"), texts(builder, "test")
    assert train | test == WANT
    assert not set(train) & set(test)
    assert 1 <= len(test) < len(train)


def test_features_are_those_of_a_translation_set(builder):
    assert list(builder.info.features) == ["en", "fr"]
    assert builder.info.supervised_keys == ("en", "fr")


@pytest.mark.parametrize(
    "english, french",
    [
        ("", "a"),
        ("a", ""),
        ("OK", "OK"),
        ("a\nb", "c"),
        ("a %1", "b"),
        ("a %1", "b %2"),
    ],
)
def test_what_is_no_translation(english, french):
    assert not is_translation(english, french)
    assert is_translation("%1 of %2", "%2 : %1")
