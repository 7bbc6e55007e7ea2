"""Our own data sets: found by their files, built on first use, whole or not at all.

The builder of `course_<name>` is the one class in `course/data/<name>.py`.
"""

import contextlib
import difflib
import importlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OURS = "course_"
BUILDER = re.compile(
    r'^class Course\w+\(.*?VERSION = tfds\.core\.Version\("(?P<version>[\d.]+)"\)',
    re.M | re.S,
)
ASIDE = ".building-"  # what a folder is called while a set is built in it
DISK = ("No space left on device", "Disk quota exceeded", "File too large")
SIZES = "sizes.json"  # written last: the size of every file of a finished set


def own_sets():
    """Return the names of our own sets: those with a builder beside this file."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return [OURS + f.stem for f in files if BUILDER.search(f.read_text("utf-8"))]


def prepared(name, folder):
    """Tell whether one of our own sets is built, without importing anything heavy.

    Raises:
        ValueError: we have no set of this name, or it says no config and should.
    """
    base, _, config = name.partition("/")
    text = _source(base).read_text("utf-8")
    if "BUILDER_CONFIGS" in text and not config:
        raise ValueError(f"which config of {base}? See course/data/README.md")
    version = BUILDER.search(text)["version"]
    return is_whole(Path(folder) / base / config / version)


def prepare(names, folder):
    """Build those of our sets that are missing, each in a process of its own.

    Raises:
        OSError: one of them cannot be built.
    """
    code = """if True:
        import sys
        from course.data.load import load
        try:
            load(sys.argv[1], data_dir=sys.argv[2])
        except Exception as e:
            sys.exit(f"{e}")
    """
    for name in names:
        if not prepared(name, folder):
            print(f"building {name}, once", file=sys.stderr)
            quiet = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
            child = subprocess.run(
                [sys.executable, "-c", code, name, str(folder)],
                cwd=Path(__file__).parents[2],
                env=os.environ | quiet,
                stderr=subprocess.PIPE,
                text=True,
            )
            if child.returncode:
                raise OSError(child.stderr.strip().rpartition("\n")[2])


def _source(name):
    """Return the file of the builder of one of our own sets."""
    if name not in own_sets():
        near = difflib.get_close_matches(name, own_sets(), 3, 0.4) or own_sets()
        raise ValueError(f"no data set is called {name!r}; ours: {', '.join(near)}")
    return Path(__file__).with_name(f"{name.removeprefix(OURS)}.py")


def import_builder(name):
    """Import the builder of one of our own sets; tell whether name is one."""
    if not name.startswith(OURS):
        return False
    source = _source(re.split("[/:]", name)[0])
    importlib.import_module(f"course.data.{source.stem}")
    return True


def build(builder, folder):
    """Build one of our sets aside and move it into place in one step.

    Two processes may do so at once: the second finds the place taken and throws its
    equal copy away.

    Args:
        builder: a function of a folder that returns the set's TFDS builder there.
        folder: where data sets are kept.
    """
    folder = Path(folder).expanduser()
    nowhere = folder / f"{ASIDE}never"  # so that no damaged file is read
    name = Path(builder(nowhere).data_path).relative_to(nowhere)
    if is_whole(folder / name):
        return
    print(f"building {name} in {folder}, once", file=sys.stderr, flush=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=ASIDE) as aside:
            _generate(builder(aside))
            _settle(Path(aside) / name, folder / name)
    except Exception as e:
        reason = _of_the_disk(e)
        if reason is None:
            raise
        raise OSError(
            f"{name} cannot be built in {folder} ({reason}): make room or set "
            "COURSE_DATA to a folder that you may write"
        ) from None


def _of_the_disk(error):
    """Return what is wrong with the disk, or None if the error is another one."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    said = str(error)  # TensorFlow's writers have errors of their own
    return next((reason for reason in DISK if reason in said), None)


def _generate(builder):
    """Write a set's files."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()  # ours counts examples: generated.py
    with contextlib.redirect_stdout(io.StringIO()):  # it says "Downloading"
        builder.download_and_prepare()
    tfds.enable_progress_bar()
    folder = Path(builder.data_path)
    sizes = {f.name: f.stat().st_size for f in folder.iterdir()}
    (folder / SIZES).write_text(json.dumps(sizes), "utf-8")


def _settle(fresh, place):
    """Move a finished folder to its place, unless another process was faster."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists() and not is_whole(place):
        shutil.rmtree(place)  # something took files away: made anew
    try:
        os.rename(fresh, place)
    except OSError:
        if not is_whole(place):
            raise


def is_whole(folder):
    """Tell whether a folder holds a finished set with all its files in full size."""
    try:
        sizes = json.loads((folder / SIZES).read_text("utf-8"))
        same = [(folder / n).stat().st_size == size for n, size in sizes.items()]
        return "dataset_info.json" in sizes and all(same)
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _sweep(folder):
    """Remove what builds that were killed long ago have left."""
    for aside in folder.glob(f"{ASIDE}*"):
        with contextlib.suppress(OSError):
            if time.time() - aside.stat().st_mtime > 3600:
                shutil.rmtree(aside, ignore_errors=True)
