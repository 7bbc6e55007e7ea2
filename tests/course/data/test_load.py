"""`load` is tfds.load: embedded sets build themselves, the network is never asked."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course.data import embedded
from course.data.load import data_dir, load

ROOT = Path(__file__).parents[3]
SETS = {"course_digits": (1497, 300, 8), "course_mnist5k": (4000, 1000, 28)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def offline(folder, monkeypatch):
    """Point COURSE_DATA at an empty folder and fail on any attempt to connect."""

    def refuse(*args):
        raise AssertionError(f"network was asked: {args}")

    monkeypatch.setenv("COURSE_DATA", str(folder))
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    monkeypatch.delenv("COURSE_ALLOW_DOWNLOAD", raising=False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", SETS)
def test_embedded_sets_look_like_mnist(name):
    train, test, size = SETS[name]
    both, info = load(name, with_info=True, as_supervised=True, batch_size=-1)
    for split, count in [("train", train), ("test", test)]:
        image, label = (np.asarray(part) for part in both[split])
        assert image.shape == (count, size, size, 1) and image.dtype == np.uint8
        assert label.shape == (count,) and set(label) == set(range(10))
        assert image.min() == 0 and image.max() == 255
    counts = np.bincount(both["test"][1])
    assert counts.min() == counts.max() == test // 10
    assert info.features["label"].num_classes == 10
    assert list(info.features) == ["image", "label"]


def test_split_holds_every_example_once():
    from sklearn.datasets import load_digits

    both = load("course_digits", batch_size=-1)
    ours = np.concatenate([both[split]["image"] for split in ("train", "test")])
    want = np.round(load_digits().images * (255 / 16))
    assert sorted(ours.reshape(-1, 64).tolist()) == sorted(
        want.reshape(-1, 64).tolist()
    )


def test_same_order_every_time():
    first, again = (load("course_digits", "test", batch_size=-1) for _ in range(2))
    np.testing.assert_array_equal(first["label"], again["label"])
    part = load("course_digits", "test[:7]", batch_size=-1)
    np.testing.assert_array_equal(part["image"], first["image"][:7])


@pytest.mark.parametrize("name", ["mnist", "cifar10", "huggingface:mnist"])
def test_missing_set_says_what_to_do(name, folder):
    with pytest.raises(FileNotFoundError, match="COURSE_ALLOW_DOWNLOAD=1") as caught:
        load(name, "train")
    assert repr(name) in str(caught.value) and str(folder) in str(caught.value)


def test_download_false_outweighs_the_environment(monkeypatch):
    monkeypatch.setenv("COURSE_ALLOW_DOWNLOAD", "1")
    with pytest.raises(FileNotFoundError, match="mnist"):
        load("mnist", "train", download=False)


@pytest.mark.parametrize(
    "name, message",
    [
        ("mnits", "names like it: mnist"),
        ("course_digts", "called 'course_digts'; ours: course_digits"),
        ("course_digits/large", "its configs: none"),
        ("course_generated", "ours: "),
    ],
)
def test_unknown_name(name, message):
    with pytest.raises(ValueError, match=message):
        load(name)


def test_two_processes_build_at_once(tmp_path):
    code = (
        "from course.data.load import load\n"
        "test = load('course_digits', 'test', as_supervised=True)\n"
        "print(sum(int(label) for _, label in test))"
    )
    environment = {**os.environ, "COURSE_DATA": str(tmp_path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert [out.strip() for out, _ in answers] == [str(30 * 45)] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["course_digits"]


def test_second_builder_keeps_the_first(tmp_path, monkeypatch):
    """The race, played slowly: the set appears while ours is being built."""
    load("course_digits", data_dir=tmp_path)
    place = tmp_path / "course_digits" / "1.0.0"
    before = (place / "dataset_info.json").stat().st_mtime_ns
    whole, first = embedded.is_whole, iter([False])  # "not there yet", once
    monkeypatch.setattr(embedded, "is_whole", lambda f: next(first, whole(f)))
    load("course_digits", data_dir=tmp_path)
    assert (place / "dataset_info.json").stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["course_digits"]


@pytest.mark.parametrize("damage", ["truncated", "removed", "scrambled", "[]", "{}"])
def test_damaged_set_is_built_anew(tmp_path, damage):
    before = load("course_digits", "test", data_dir=tmp_path, batch_size=-1)
    place = tmp_path / "course_digits" / "1.0.0"
    records = next(place.glob("*test.tfrecord*"))
    if damage == "truncated":
        records.write_bytes(records.read_bytes()[:-100])
    elif damage == "removed":
        records.unlink()
    elif damage in ("[]", "{}"):
        (place / embedded.SIZES).write_text(damage)
    else:
        (place / "dataset_info.json").write_text("{")
    assert not embedded.prepared("course_digits", tmp_path)
    again = load("course_digits", "test", data_dir=tmp_path, batch_size=-1)
    np.testing.assert_array_equal(again["image"], before["image"])
    assert embedded.prepared("course_digits", tmp_path)


def test_killed_build_leaves_nothing_that_counts(tmp_path):
    code = (
        "import os\n"
        "from course.data import embedded\n"
        "embedded._settle = lambda *_: os.kill(os.getpid(), 9)\n"
        "from course.data.load import load\n"
        "load('course_digits')"
    )
    environment = {**os.environ, "COURSE_DATA": str(tmp_path)}
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment)
    assert killed.returncode == -9
    left = list(tmp_path.iterdir())
    assert len(left) == 1 and left[0].name.startswith(embedded.ASIDE)
    assert not embedded.prepared("course_digits", tmp_path)
    os.utime(left[0], (0, 0))  # long ago
    assert len(load("course_digits", "test", data_dir=tmp_path)) == 300
    assert [path.name for path in tmp_path.iterdir()] == ["course_digits"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(30, "Read-only file system"),
        RuntimeError("ResourceExhaustedError: Failed …; No space left on device"),
    ],
)
def test_disk_that_cannot_be_written(tmp_path, monkeypatch, error):
    """The errors are those of a full tmpfs and of one mounted read-only."""

    def fail(builder):
        raise error

    monkeypatch.setattr(embedded, "_generate", fail)
    with pytest.raises(OSError, match="make room or set COURSE_DATA") as caught:
        load("course_digits", data_dir=tmp_path)
    assert str(tmp_path) in str(caught.value) and not list(tmp_path.iterdir())


def test_other_errors_of_a_build_are_not_the_disk(tmp_path, monkeypatch):
    def fail(builder):
        raise RuntimeError("a mistake in a generator")

    monkeypatch.setattr(embedded, "_generate", fail)
    with pytest.raises(RuntimeError, match="a mistake in a generator"):
        load("course_digits", data_dir=tmp_path)


def test_prepared_wants_to_know_the_config(tmp_path):
    with pytest.raises(ValueError, match="which config of course_scenes"):
        embedded.prepared("course_scenes", tmp_path)
    assert not embedded.prepared("course_scenes/tiny", tmp_path)


def test_damaged_info_of_another_set(tmp_path):
    place = tmp_path / "mnist" / "3.0.1"
    place.mkdir(parents=True)
    (place / "dataset_info.json").write_text("{")
    with pytest.raises(ValueError, match=f"remove {tmp_path}"):
        load("mnist", "train", data_dir=tmp_path)


def test_data_dir_needs_no_tensorflow(monkeypatch):
    code = (
        "import sys; from course.data.load import data_dir; data_dir(); "
        "sys.exit('tensorflow' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    monkeypatch.delenv("COURSE_DATA")
    assert data_dir().name == "deep-learning-course"
