"""Files that are there whole or not at all, whenever a run is killed."""

import os


def put(path, content, mode=0o644, over=True):
    """Write a file whole or not at all.

    Args:
        over: whether to replace a file that is there; if not, the first one stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as f:
        f.write(content)
    if over:
        fresh.replace(path)
        return
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    fresh.unlink()


def add_line(path, line):
    """Add a line to a file, at once."""
    with open(path, "ab", buffering=0) as file:
        file.write(line.encode() + b"\n")
        os.fsync(file.fileno())
