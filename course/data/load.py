"""Data sets by name: `tfds.load`, offline unless you ask for the network.

    from course.data.load import load
    train = load("course_digits", "train", as_supervised=True)

A name `course_<name>` is a set of our own. Its builder is the one class in
`course/data/<name>.py`; it is built on first use, without network, into the folder
that `data_dir()` returns. Every other name is TFDS's: `mnist`, `cifar10`, …
"""

import contextlib
import difflib
import os
import sys
from functools import partial
from pathlib import Path

from course.data import embedded


def data_dir():
    """Return the folder of prepared data sets, which may not exist yet.

    The environment variable COURSE_DATA, or a folder in the user's cache.
    """
    if folder := os.environ.get("COURSE_DATA"):
        return Path(os.path.expanduser(folder)).absolute()
    if sys.platform == "win32":
        cache = os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "deep-learning-course"


def load(name, split=None, **kwargs):
    """Return what `tfds.load(name, split=split, **kwargs)` returns.

    The network is used only for a set that is not on this computer, and only if
    you allow it, by `download=True` or the environment variable
    COURSE_ALLOW_DOWNLOAD=1. Sets are looked for in `data_dir()`, then in TFDS's own
    folder, and written to the first.

    Args:
        name: str, "course_digits", "mnist", "cifar10", …
        split: str, such as "train" or "train[:100]", or a list; None means all,
            as a dict.
        **kwargs: further arguments of `tfds.load`, such as `as_supervised=True`,
            `batch_size=-1` or another `data_dir`.

    Returns:
        A `tf.data.Dataset`, or a list or dict of them.

    Raises:
        ValueError: no set has this name or config, or its files are damaged.
        FileNotFoundError: the set is not here and the network was not allowed.
        OSError: the set cannot be written there.
    """
    import tensorflow_datasets as tfds  # here, since data_dir() must stay quick

    allowed = os.environ.get("COURSE_ALLOW_DOWNLOAD") == "1"
    download = kwargs.pop("download", allowed)
    folder = kwargs.pop("data_dir", None)
    folders = [folder] if folder else [data_dir(), None]  # None: TFDS's own
    if embedded.import_builder(name):
        folder, download = folders[0], False
        with _quiet():
            embedded.build(partial(_builder, tfds, name), folder)
        # one file a split: a pool of threads that reads many would only cost
        plain = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
        kwargs.setdefault("read_config", plain)
    else:
        found = [f for f in folders if _is_prepared(tfds, name, f, download)]
        if not found and not download:
            raise FileNotFoundError(
                f"data set {name!r} is not on this computer: set "
                f"COURSE_ALLOW_DOWNLOAD=1, or call load({name!r}, download=True), "
                f"to fetch it into {folders[0]}"
            )
        folder = (found or folders)[0]
    with _quiet():
        return tfds.load(
            name, split=split, data_dir=folder, download=download, **kwargs
        )


@contextlib.contextmanager
def _quiet():
    """Hold back the warnings that TFDS has about its own features."""
    from absl import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _is_prepared(tfds, name, folder, download):
    """Tell whether folder holds the set, without asking the network."""
    if tfds.core.naming.parse_builder_name_kwargs(name)[0].namespace and not download:
        return False  # "huggingface:…": even making the builder would ask
    builder = _builder(tfds, name, folder)
    # without is_prepared()'s warning for a missing folder
    return builder.data_path.exists() and builder.is_prepared()


def _builder(tfds, name, folder):
    """Return tfds.builder(name), or say in one sentence why there is none."""
    from google.protobuf.json_format import ParseError

    try:
        return tfds.builder(name, data_dir=folder)
    except tfds.core.DatasetNotFoundError:
        names = {*tfds.list_builders(with_community_datasets=False)}
        names |= {*embedded.own_sets()}
        close = ", ".join(difflib.get_close_matches(name, names)) or "none"
        raise ValueError(
            f"no data set is called {name!r}; names like it: {close}"
        ) from None
    except ParseError:
        place = Path(folder or tfds.core.constants.DATA_DIR) / name
        raise ValueError(
            f"the files of data set {name!r} are damaged: remove {place}"
        ) from None
    except ValueError as e:
        if "BuilderConfig" not in str(e):
            raise
        configs = ", ".join(tfds.builder_cls(name.partition("/")[0]).builder_configs)
        raise ValueError(
            f"no data set is called {name!r}; its configs: {configs or 'none'}"
        ) from None
