"""Figure helpers draw what they are given, without a warning."""

import numpy as np

from course import figures


def test_curves_and_bands(tmp_path):
    figure, [[left, right]] = figures.panels(1, 2)
    x = np.arange(1, 6)
    figures.curves(left, x, {"a": x, "b": x**2}, "step", "loss", "title", log=True)
    assert [line.get_label() for line in left.lines] == ["a", "b"]
    assert left.get_yscale() == "log" and left.get_title() == "title"
    figures.bands(right, x, np.stack([x - 2, x - 1, x, x + 1, x + 2]), "layer", "value")
    assert right.lines[0].get_ydata().tolist() == x.tolist()
    path = figures.save(figure, tmp_path / "new/figure.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_images_and_tables(tmp_path):
    pictures = np.random.default_rng(0).uniform(size=(3, 5, 7, 1))
    figure = figures.grid([pictures, 1 - pictures], ["in", "out"])
    assert len(figure.axes) == 6
    assert figure.axes[3].images[0].get_array().shape == (5, 7)
    figures.save(figure, tmp_path / "grid.png")
    figure, [[axis]] = figures.panels()
    figures.table(axis, pictures[0, :, :, 0], range(5), [], "x", "y", vmin=0, vmax=1)
    assert axis.images[0].get_clim() == (0, 1)
    figures.save(figure, tmp_path / "table.png")


def test_colours_can_be_told_apart():
    assert len(set(figures.COLOURS)) == 7
