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


def test_boxes_and_masks_on_an_image(tmp_path):
    figure, [[left, right]] = figures.panels(1, 2)
    picture = np.full((12, 16, 3), 200, "uint8")
    figures.image(left, picture)
    corners = [(2, 3, 10, 9), (0, 0, 4, 4)]
    figures.boxes(left, corners, ["circle", "star"], hits=[True, False])
    first, second = left.patches
    assert first.get_xy() == (1.5, 2.5) and first.get_width() == 8
    assert first.get_edgecolor() != second.get_edgecolor()
    assert [t.get_text() for t in left.texts] == ["circle", "star"]
    mask = np.zeros((12, 16, 1), "uint8")
    mask[3:9, 2:10] = 1
    mask[0, 0] = 2
    figures.image(right, picture)
    figures.masks(right, mask)
    laid = right.images[1].get_array()
    assert laid[..., 3].tolist() == (0.5 * (mask[..., 0] > 0)).tolist()
    assert not np.allclose(laid[0, 0, :3], laid[5, 5, :3])
    figures.save(figure, tmp_path / "boxes.png")


def test_heat_covers_the_image():
    figure, [[axis, signed]] = figures.panels(1, 2)
    figures.heat(axis, np.zeros((32, 48)), np.eye(4))
    assert axis.images[1].get_extent() == [-0.5, 47.5, 31.5, -0.5]
    figures.heat(signed, np.zeros((32, 48)), np.eye(4) - 0.5)
    assert signed.images[1].get_clim() == (-0.5, 0.5)


def test_flow_is_told_by_hue_and_strength():
    flow = np.zeros((2, 3, 2))
    flow[0, 0], flow[0, 1], flow[1, 0] = (2, 0), (-2, 0), (1, 0)
    right, left, slow = (
        figures.flow_colours(flow)[i] for i in [(0, 0), (0, 1), (1, 0)]
    )
    np.testing.assert_allclose(right, [1, 0, 0])
    np.testing.assert_allclose(left, [0, 1, 1])
    np.testing.assert_allclose(slow, [1, 0.5, 0.5])
    np.testing.assert_allclose(figures.flow_colours(np.zeros((2, 3, 2))), 1)


def test_points_and_arrows(tmp_path):
    figure, [[left, right]] = figures.panels(1, 2)
    figures.points(left, np.arange(8).reshape(4, 2), [0, 1, 1, 0], ["cats", "dogs"])
    assert [len(c.get_offsets()) for c in left.collections] == [2, 2]
    pairs = [[(0, 0), (5, 5)], [(1, 0), (6, 5)]]
    figures.arrows(right, pairs, [("man", "king"), ("woman", "queen")])
    words = [t.get_text() for t in right.texts if t.get_text()]
    assert words == ["man", "king", "woman", "queen"]
    assert right.get_xlim()[1] > 6
    figures.save(figure, tmp_path / "points.png")


def test_colours_can_be_told_apart():
    assert len(set(figures.COLOURS)) == 7
