"""Files of installed packages: read where they lie, without importing the package."""

import importlib.util
from pathlib import Path


def package_file(package, *path, install):
    """Return the path of a file that an installed package brings along.

    Args:
        package: str, the name of a top package, "gensim".
        *path: str, folders and the file's name, from the package's folder on.
        install: str, what pip must install to have the file.

    Raises:
        ModuleNotFoundError: the package, or this file of it, is not installed.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or []:
        file = Path(folder, *path)
        if file.is_file():
            return file
    raise ModuleNotFoundError(
        f"{'/'.join([package, *path])} is not installed: run "
        f"python -m pip install --no-deps {install}"
    )
