"""Figures of the demos: few kinds, one look, small PNG files.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; lines also
differ in dash and marker, so that print in grey will do.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np

NOTEBOOK = "ipykernel" in sys.modules
if not NOTEBOOK:
    matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402  (the backend must come first)

BLUE, ORANGE, GREEN, RED, PINK, SKY, BLACK = COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#000000",
)
DASHES = ("-", "--", "-.", ":")
MARKERS = "osD^vP*"
STATES = {True: (GREEN, "-"), False: (RED, "--")}  # right or wrong

plt.rcParams.update(
    {
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.labelsize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.8,
        "axes.axisbelow": True,
        "lines.linewidth": 2,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
    }
)


def panels(rows=1, columns=1, size=(4.2, 3.4), **kwargs):
    """Return a figure and a (rows, columns) array of axes in the common style.

    Args:
        rows, columns: int >= 1.
        size: width and height of one panel in inches.
        **kwargs: further arguments of `plt.subplots`.
    """
    figsize = (size[0] * columns, size[1] * rows)
    return plt.subplots(rows, columns, figsize=figsize, squeeze=False, **kwargs)


def curves(axis, x, lines, xlabel, ylabel, title=None, log=False):
    """Draw named lines, each with its own colour, dash and marker.

    Args:
        axis: a matplotlib axis.
        x: (N,) positions shared by the lines.
        lines: dict, name to (N,) values.
        xlabel, ylabel, title: str.
        log: bool, a logarithmic vertical axis.
    """
    for i, (name, y) in enumerate(lines.items()):
        marker = MARKERS[i % len(MARKERS)] if len(x) <= 20 else None
        dash, colour = DASHES[i % len(DASHES)], COLOURS[i % len(COLOURS)]
        axis.plot(x, y, dash, color=colour, marker=marker, markersize=6, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if log:
        axis.set_yscale("log")
    if len(lines) > 1:
        axis.legend()


def bands(axis, x, quantiles, xlabel, ylabel, title=None, colour=BLUE):
    """Draw the spread of a quantity: median line, inner and outer band.

    Args:
        axis: a matplotlib axis.
        x: (N,) positions.
        quantiles: (5, N), the 5, 25, 50, 75 and 95 % quantiles.
        xlabel, ylabel, title: str.
        colour: one of COLOURS.
    """
    q05, q25, q50, q75, q95 = quantiles
    axis.fill_between(x, q05, q95, color=colour, alpha=0.2, label="5 to 95 %")
    axis.fill_between(x, q25, q75, color=colour, alpha=0.4, label="25 to 75 %")
    axis.plot(x, q50, color=colour, marker="o", markersize=5, label="median")
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title)


def image(axis, picture, title=None, low=0, high=1):
    """Show one image without ticks; grey images may be (H, W) or (H, W, 1)."""
    picture = np.squeeze(np.asarray(picture))
    axis.imshow(picture, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axis.set(xticks=[], yticks=[], title=title)
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def grid(rows, names, low=0, high=1, size=0.8):
    """Return a figure with a grid of images, a name in front of every row.

    Args:
        rows: list of (N, H, W) or (N, H, W, 1) arrays.
        names: list of str, one a row.
        low, high: values shown black and white.
        size: side of one image in inches.
    """
    figure, axes = panels(len(rows), len(rows[0]), size=(size, size))
    for line, name, pictures in zip(axes, names, rows, strict=True):
        for axis, picture in zip(line, pictures, strict=True):
            image(axis, picture, low=low, high=high)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", labelpad=8)
    return figure


def table(axis, values, row_names, column_names, xlabel, ylabel, title=None, **scale):
    """Draw a matrix as shades, bright for large, with the scale beside it.

    Args:
        axis: a matplotlib axis.
        values: (R, C) floats.
        row_names, column_names: what stands along the sides; empty for none.
        xlabel, ylabel, title: str.
        **scale: vmin and vmax, the values shown darkest and brightest.
    """
    look = {"cmap": "cividis", "aspect": "auto", "interpolation": "nearest"}
    shades = axis.imshow(values, **look, **scale)
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axis.set_xticks(range(len(column_names)), column_names)
    axis.set_yticks(range(len(row_names)), row_names)
    axis.grid(False)
    axis.figure.colorbar(shades, ax=axis)


def boxes(axis, corners, names, hits=None):
    """Draw named boxes on an image.

    Args:
        axis: a matplotlib axis with an image.
        corners: (N, 4) floats, left, top, right, bottom in pixels.
        names: N strings.
        hits: N bools, drawn in green and full or in red and dashed; None for all in
            one colour.
    """
    for i, ((left, top, right, bottom), name) in enumerate(
        zip(np.asarray(corners), names, strict=True)
    ):
        colour, dash = (ORANGE, "-") if hits is None else STATES[bool(hits[i])]
        place = (left - 0.5, top - 0.5), right - left, bottom - top
        look = {"edgecolor": colour, "linestyle": dash, "linewidth": 2}
        axis.add_patch(plt.Rectangle(*place, fill=False, **look))
        label = {"facecolor": colour, "edgecolor": "none", "pad": 1}
        axis.text(left, top, name, fontsize=9, color="white", bbox=label)


def masks(axis, mask, opacity=0.5):
    """Lay the classes or instances of a mask over an image, 0 left as it is.

    Args:
        axis: a matplotlib axis with an image.
        mask: (H, W) or (H, W, 1) int.
        opacity: from 0 to 1.
    """
    mask = np.asarray(mask).reshape(np.shape(mask)[:2])
    colours = np.array([matplotlib.colors.to_rgb(c) for c in COLOURS[:-1]])
    shade = colours[(mask - 1) % len(colours)]  # (H, W, 3)
    alpha = np.where(mask > 0, opacity, 0.0)[..., None]
    axis.imshow(np.concatenate([shade, alpha], axis=-1), interpolation="nearest")


def heat(axis, picture, values, title=None):
    """Lay values, such as attention or relevance, over an image as colour.

    Args:
        axis: a matplotlib axis.
        picture: (H, W), (H, W, 1) or (H, W, 3), from 0 to 1.
        values: (h, w) floats, stretched over the image; their zero is the middle of
            the scale if some are negative.
        title: str.
    """
    image(axis, picture, title)
    most = np.abs(values).max() or 1.0
    low, cmap = (-most, "RdBu_r") if np.min(values) < 0 else (0, "inferno")
    height, width = np.shape(picture)[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    look = {"cmap": cmap, "vmin": low, "vmax": most, "interpolation": "bilinear"}
    axis.imshow(values, alpha=0.6, extent=extent, **look)


def flow_colours(flow, most=None):
    """Return motion as colour: the hue is the direction, the strength the speed.

    Args:
        flow: (H, W, 2), pixels to the right and down.
        most: the speed shown at full strength; None for the largest.

    Returns:
        (H, W, 3) floats from 0 to 1; white where nothing moves.
    """
    flow = np.asarray(flow, float)
    speed = np.hypot(flow[..., 0], flow[..., 1])
    strength = np.clip(speed / (most or speed.max() or 1.0), 0, 1)
    hue = (np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi)) % 1
    return matplotlib.colors.hsv_to_rgb(
        np.stack([hue, strength, np.ones_like(hue)], axis=-1)
    )


def points(axis, places, groups, names, title=None):
    """Draw points in the plane, each group with its own colour and marker.

    Args:
        axis: a matplotlib axis.
        places: (N, 2) floats.
        groups: (N,) int from 0.
        names: the name of each group.
        title: str.
    """
    places, groups = np.asarray(places), np.asarray(groups)
    for i, name in enumerate(names):
        x, y = places[groups == i].T
        marker, colour = MARKERS[i % len(MARKERS)], COLOURS[i % len(COLOURS)]
        axis.scatter(x, y, s=18, marker=marker, color=colour, label=name)
    axis.set_title(title)
    axis.legend()


def arrows(axis, pairs, names, colour=BLUE):
    """Draw an arrow from the first to the second place of each pair, with both names.

    Args:
        axis: a matplotlib axis.
        pairs: (N, 2, 2) floats.
        names: N pairs of strings.
        colour: one of COLOURS.
    """
    look = {"arrowstyle": "->", "color": colour, "linewidth": 1.5}
    for (start, end), (first, second) in zip(np.asarray(pairs), names, strict=True):
        axis.annotate("", end, start, arrowprops=look)
        axis.annotate(first, start, fontsize=10, ha="center", va="top")
        axis.annotate(second, end, fontsize=10, ha="center", va="bottom")
    axis.update_datalim(np.asarray(pairs).reshape(-1, 2))
    axis.margins(0.15)
    axis.autoscale_view()


def save(figure, path):
    """Write figure as a small PNG, print where it is; in a notebook show it too."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    if NOTEBOOK:
        from IPython.display import display

        display(figure)
    plt.close(figure)
    print(f"figure: {path}")
    return path
