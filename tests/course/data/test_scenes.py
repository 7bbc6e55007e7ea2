"""course_scenes: annotations are exact, captions are true, questions do not leak."""

import hashlib
import re
from collections import Counter

import numpy as np
import pytest
import tensorflow_datasets as tfds

from course.data.load import load
from course.data.worlds import scene_drawing, scene_language, scenes
from course.data.worlds.scenes import COLORS, HELD_OUT, MATERIALS, SHAPES, SIZES

TEXTS, MEANS = "3adda61837b2adf3", (104.41044, 2.504478)


@pytest.fixture(scope="module")
def small():
    return list(load("course_scenes/small", "test").as_numpy_iterator())


@pytest.fixture(scope="module")
def held_out():
    sets = load("course_scenes/held_out")
    return {s: list(d.as_numpy_iterator()) for s, d in sets.items()}


def test_features_are_those_of_coco_pets_and_clevr():
    _, info = load("course_scenes/small", "test", with_info=True)
    f = info.features
    assert f["image"].shape == (64, 64, 3) and f["image/id"].np_dtype == np.int64
    assert isinstance(f["objects"]["bbox"], tfds.features.BBoxFeature)
    coco = {"area": np.int64, "id": np.int64, "is_crowd": np.bool_, "label": np.int64}
    assert {k: f["objects"][k].np_dtype for k in coco} == coco
    assert f["objects"]["label"].names == list(SHAPES)
    clevr = {"color": COLORS, "material": MATERIALS, "size": SIZES}
    assert {k: tuple(f["objects"][k].names) for k in clevr} == clevr
    assert f["captions"].feature.keys() == {"id", "text"}
    assert f["question_answer"].feature.keys() == {"question", "answer"}
    assert f["segmentation_mask"].shape == f["instance_mask"].shape == (64, 64, 1)


def test_the_same_scenes_every_time(small):
    """A change of the generator needs a new version. Floats may differ in last bits."""
    texts = [t.decode() for e in small[:100] for t in e["captions"]["text"]]
    assert hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16] == TEXTS
    images = np.stack([e["image"] for e in small[:100]]).astype(float)
    labels = np.concatenate([e["objects"]["label"] for e in small[:100]])
    np.testing.assert_allclose((images.mean(), labels.mean()), MEANS, rtol=1e-4)


def test_boxes_and_areas_are_those_of_the_masks(small):
    for example in small:
        instances = example["instance_mask"][..., 0]
        objects = example["objects"]
        assert instances.max() == len(objects["label"])
        for i, box in enumerate(objects["bbox"]):
            rows, columns = np.nonzero(instances == i + 1)
            want = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
            np.testing.assert_allclose(box * 64, want, atol=1e-4)
            assert objects["area"][i] == len(rows) > 0
        names = np.concatenate([[0], objects["label"] + 1])
        assert (names[instances] == example["segmentation_mask"][..., 0]).all()


def test_no_scrap_is_left_without_annotation():
    """Of each thing half or more is visible; what is painted is in its mask."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scene = scenes.draw_scene(rng, 64, 6)
        for i, thing in enumerate(scene.things):
            whole = scene_drawing.distance(thing, 64) < 0
            hidden = np.any(scene.visible[i + 1 :], axis=0) & whole
            assert (scene.visible[i] == whole & ~hidden).all()
            assert scene.visible[i].sum() >= 0.5 * whole.sum()
        assert scene.visible.sum(axis=0).max() == 1


def test_colors_in_the_image_are_those_named(small):
    """The strongest channel of a thing's bright pixels is that of its color."""
    rgb = np.array([scene_drawing.RGB[c] for c in COLORS], float)
    rgb /= np.linalg.norm(rgb, axis=1, keepdims=True)
    right = []
    for example in small:
        for i, color in enumerate(example["objects"]["color"]):
            pixels = example["image"][example["instance_mask"][..., 0] == i + 1]
            pixels = pixels.astype(float)
            bright = pixels[pixels.max(axis=1) >= np.median(pixels.max(axis=1))].mean(0)
            right.append((rgb @ (bright / np.linalg.norm(bright))).argmax() == color)
    assert np.mean(right) > 0.99


def test_attributes_are_uniform_and_independent(small):
    objects = [e["objects"] for e in small]
    columns = {
        k: np.concatenate([o[k] for o in objects])
        for k in ("label", "color", "material", "size")
    }
    for key, count in (("label", 6), ("color", 6), ("material", 4), ("size", 2)):
        share = np.bincount(columns[key], minlength=count) / len(columns[key])
        assert np.abs(share * count - 1).max() < 0.25
    table = np.zeros((6, 6))
    np.add.at(table, (columns["color"], columns["label"]), 1)
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    assert ((table - expected) ** 2 / expected).sum() < 55  # chi-square, 25 degrees


def test_counts(small):
    counts = np.bincount([len(e["objects"]["label"]) for e in small], minlength=7)
    assert len(counts) == 7 and 30 < counts.min() and counts.max() < 115  # 71 expected
    single = load("course_scenes/single", "test").as_numpy_iterator()
    assert {len(e["objects"]["label"]) for e in single} == {1}


# an independent reading of the sentences

MEANING = {
    said: name
    for name, all_said in scene_language.SYNONYMS.items()
    for said in all_said
}
PLURALS = {"discs": "circle", "five-pointed stars": "star", "crosses": "cross"}
PLURALS |= {f"{s}s": s for s in SHAPES if s != "cross"}
NOUN = re.compile(
    r"a (?:(large|big|small|little) )?(red|green|blue|yellow|purple|white) "
    r"(?:(striped|dotted|spotted|checked|chequered) )?"
    r"(circle|disc|square|triangle|five-pointed star|star|cross|heart)\b"
)
BETWEEN = {"left of": (0, -1), "right of": (0, 1), "above": (1, -1), "below": (1, 1)}


def things_of(example):
    o = example["objects"]
    rows = zip(o["size"], o["color"], o["material"], o["label"], o["bbox"], strict=True)
    return [
        (SIZES[s], COLORS[c], MATERIALS[m], SHAPES[k], box) for s, c, m, k, box in rows
    ]


def fits(thing, said):
    said = [MEANING.get(word, word) for word in said]
    return all(
        word in ("", None, part) for word, part in zip(said, thing, strict=False)
    )


def is_true(caption, example):
    things = things_of(example)
    if caption in scene_language.NOTHING:
        return not things
    if found := re.fullmatch(r"there (?:is|are) (\w+) (.*)", caption):
        if found[1] != "a":
            return count_of(found[2], things) == scene_language.NUMBERS.index(found[1])
    nouns = NOUN.findall(caption)
    rest = NOUN.sub("#", caption)
    if rest.count("#") == 2 and " and " not in rest:
        middle = rest.removeprefix("# ").removesuffix(" #").removeprefix("is ")
        axis, sign = BETWEEN[MEANING[middle]]
        first, second = ([t for t in things if fits(t, n)] for n in nouns)
        centres = lambda t: [(t[4][1] + t[4][3]) / 2, (t[4][0] + t[4][2]) / 2]  # noqa: E731
        gaps = [
            sign * (centres(a)[axis] - centres(b)[axis]) for a in first for b in second
        ]
        return max(gaps, default=-1) > -0.03  # boxes are around what is visible only
    return bool(nouns) and all(any(fits(t, n) for t in things) for n in nouns)


def count_of(words, things):
    color = next((c for c in COLORS if words.startswith(c)), None)
    if color:
        return sum(t[1] == color for t in things)
    shape = PLURALS.get(words) or MEANING.get(words, words)
    return sum(t[3] == shape for t in things)


def test_captions_are_true(small):
    said = 0
    for example in small:
        captions = [t.decode() for t in example["captions"]["text"]]
        assert len(set(captions)) == 5
        for caption in captions:
            assert is_true(caption, example), (caption, things_of(example))
            said += 1
        everything = NOUN.findall(captions[0])
        assert len(everything) == len(example["objects"]["label"])
    assert said == 2500


def test_the_reading_sees_false_captions(small):
    """Swap captions between images: most become false."""
    swapped = zip(small, small[1:], strict=False)
    wrong = [not is_true(a["captions"]["text"][1].decode(), b) for a, b in swapped]
    assert np.mean(wrong) > 0.7


def answer(question, things):
    words = question.split()
    if found := re.match(
        r"how many (.*) are there|what is the number of (.*)", question
    ):
        return str(count_of(found[1] or found[2], things))
    if question.startswith(("is there a", "does the picture")):
        color, shape = re.search(r" a (\w+) (.*)$", question).groups()
        there = any(t[1] == color and t[3] == MEANING.get(shape, shape) for t in things)
        return "yes" if there else "no"
    if "color" in words:
        shape = re.search(r"(?:is the|does the) (.*?)(?: have)?$", question)[1]
        [thing] = [t for t in things if t[3] == MEANING.get(shape, shape)]
        return thing[1]
    if "shape" in words:
        [thing] = [t for t in things if t[1] in words]
        return thing[3]
    if question.startswith("are there more"):
        first, second = re.match(r"are there more (.*) than (.*)", question).groups()
        return "yes" if count_of(first, things) > count_of(second, things) else "no"
    color, relation, other = re.match(
        r"is the (\w+) thing (.*) the (\w+) thing", question
    ).groups()
    [a], [b] = ([t for t in things if t[1] == c] for c in (color, other))
    axis, sign = BETWEEN[MEANING[relation]]
    places = [(t[4][1 - axis] + t[4][3 - axis]) / 2 for t in (a, b)]
    return "yes" if sign * (places[0] - places[1]) > 0 else "no"


def test_answers_are_right(small):
    wrong, count = [], 0
    for example in small:
        asked = example["question_answer"]
        for q, a in zip(asked["question"], asked["answer"], strict=True):
            count += 1
            if answer(q.decode(), things_of(example)) != a.decode():
                wrong.append((q, a))
    assert count > 1500
    # centres of boxes around visible parts may lie a little off the things' own
    assert len(wrong) < 0.005 * count and all(b"thing" in q for q, _ in wrong), wrong


KINDS = {"how many": 3, "what is": 3, "is there": 2, "does the": 2, "is the": 2}
KINDS |= {"are there": 2, "what color": 6, "which color": 6}
KINDS |= {"what shape": 6, "which shape": 6}


def test_questions_alone_tell_nothing():
    """By kind: each answer is as frequent as the others, whatever the words are."""
    asked = Counter()
    for seed in range(3000):
        rng = np.random.default_rng(seed)
        scene = scenes.draw_scene(rng, 64, rng.integers(7))
        for question, said in scene_language.questions(rng, scene):
            kind = " ".join(question.split()[:2])
            asked[kind, said] += 1
    for kind, answers in KINDS.items():
        counts = np.array([n for (k, _), n in asked.items() if k == kind])
        even = counts.sum() / len(counts)
        assert len(counts) == answers and np.abs(counts - even).max() < 5 * even**0.5
    assert {kind for kind, _ in asked} == set(KINDS)


def test_no_question_tells_that_a_held_out_pair_is_there(held_out):
    for example in held_out["unseen"]:
        asked = b" ".join(example["question_answer"]["question"])
        assert b"is there a" not in asked and b"does the picture" not in asked


def test_held_out_pairs_are_never_seen(held_out):
    for split in ("train", "test"):
        for example in held_out[split]:
            pairs = {(t[1], t[3]) for t in things_of(example)}
            assert not pairs & set(HELD_OUT)
            texts = [
                *example["captions"]["text"],
                *example["question_answer"]["question"],
            ]
            for text in texts:
                named = re.findall(
                    r"(\w+) (?:\w+ )?(circle|disc|square|triangle|cross|heart|star)",
                    text.decode(),
                )
                pairs = {(c, MEANING.get(s, s)) for c, s in named}
                assert not pairs & set(HELD_OUT), text
    for example in held_out["unseen"]:
        assert {(t[1], t[3]) for t in things_of(example)} & set(HELD_OUT)
    colors, shapes = zip(*HELD_OUT, strict=True)
    assert sorted(colors) == sorted(COLORS) and sorted(shapes) == sorted(SHAPES)
