"""The key of a run: seeds derive from it, so nobody else can know them beforehand."""

import hashlib
import hmac
import secrets
from pathlib import Path

from course.batch.files import put
from course.cli import UsageError

NAME = "run.key"
DIGITS = 64


def agreed(folder, shared=None, expected=None):
    """Return the key of a run's folder, made if there is none.

    Args:
        folder: Path of the run.
        shared: Path of a file with the key that several runs share, or None.
        expected: fingerprint of the key that the run was begun with, or None.

    Raises:
        UsageError: the key is damaged, or another one than it was.
    """
    own = folder / NAME
    if not own.exists() and expected and not shared:
        raise UsageError(f"{own} is gone: put it back, or use another --out")
    if not own.exists():
        source = Path(shared) if shared else own
        if not source.exists():
            put(source, secrets.token_hex(DIGITS // 2).encode(), mode=0o600, over=False)
        if source != own:
            put(own, read(source).encode(), mode=0o600)
    key = read(own)
    if expected and fingerprint(key) != expected:
        raise UsageError(f"{own} is not the key of this run: put it back")
    if shared and read(Path(shared)) != key:
        raise UsageError(f"{own} is another key than {shared}: use another --out")
    return key


def read(path):
    """Return the key in a file.

    Raises:
        UsageError: there is none in it.
    """
    try:
        key = path.read_text("ascii").strip()
        if len(key) == DIGITS and int(key, 16):
            return key
    except (OSError, ValueError):
        pass
    raise UsageError(f"{path} is no key: it must hold {DIGITS} hexadecimal digits")


def fingerprint(key):
    return derived(key, "fingerprint")


def derived(key, *words):
    """Return 32 hexadecimal digits that follow from a key and words."""
    text = "\n".join(words).encode()
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:32]


def seed_of(key, exercise, sha256):
    """Return the seed of a file's inputs, which only the holder of the key can know."""
    return derived(key, "seed", exercise, sha256)[:16]
