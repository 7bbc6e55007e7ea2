"""A world of coloured, textured shapes: what there is, where, and what one sees of it.

scene = draw_scene(np.random.default_rng(0), size=64, count=5)
scene.image           (64, 64, 3) uint8
scene.things[0]       Thing(shape="star", color="red", …), the farthest back
scene.visible[0]      (64, 64) bool, the pixels of that star that one sees
scene.boxes[0]        (y0, x0, y1, x1) around them, in pixels
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from course.data.worlds import scene_drawing

SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
COLORS = ("red", "green", "blue", "yellow", "purple", "white")
MATERIALS = ("plain", "striped", "dotted", "checked")
SIZES = ("small", "large")

PAIRS = tuple(product(COLORS, SHAPES))
# Every color and every shape is in exactly one of these, so that no color and no
# shape is rarer than another when they are left out.
HELD_OUT = (
    ("red", "triangle"),
    ("green", "star"),
    ("blue", "circle"),
    ("yellow", "heart"),
    ("purple", "square"),
    ("white", "cross"),
)
SEEN = tuple(pair for pair in PAIRS if pair not in HELD_OUT)

RADIUS = {"small": (0.105, 0.125), "large": (0.19, 0.22)}  # in widths of the image
TURN = 0.3  # radians to either side; a square stays no diamond, a cross no x
LEAST_VISIBLE = 0.5


@dataclass(frozen=True)
class Thing:
    """One shape; x, y and radius are in pixels, angle is in radians."""

    shape: str
    color: str
    material: str
    size: str
    x: float
    y: float
    radius: float
    angle: float
    phase: float  # where the texture begins, from 0 to 1


@dataclass(frozen=True)
class Scene:
    """An image of N things, from back to front, and what is to be seen of each."""

    image: np.ndarray  # (H, W, 3) uint8
    things: list  # of N Things
    visible: np.ndarray  # (N, H, W) bool, no pixel is in two of them

    @property
    def boxes(self):
        """(N, 4) int: y0, x0, y1, x1 around the visible pixels, ends excluded."""
        return np.array([box(mask) for mask in self.visible], int).reshape(-1, 4)


def box(mask):
    """Return the least (y0, x0, y1, x1), ends excluded, around the True of (H, W)."""
    ys, xs = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
    return ys[0], xs[0], ys[-1] + 1, xs[-1] + 1


def draw_thing(rng, size, pairs=PAIRS, scale=1.0):
    """Return a Thing whose attributes and place are uniform and independent."""
    color, shape = pairs[rng.integers(len(pairs))]
    kind = SIZES[rng.integers(len(SIZES))]
    radius = scale * size * rng.uniform(*RADIUS[kind])
    edge = scene_drawing.REACH * radius
    x, y = rng.uniform(edge, size - edge, 2)
    return Thing(
        shape=shape,
        color=color,
        material=MATERIALS[rng.integers(len(MATERIALS))],
        size=kind,
        x=x,
        y=y,
        radius=radius,
        angle=rng.uniform(-TURN, TURN),
        phase=rng.uniform(),
    )


def draw_scene(rng, size, count, pairs=PAIRS, scale=1.0):
    """Return a Scene of count things in an image of size x size pixels.

    Things are placed from front to back. One of which too little would show is
    drawn anew as a whole, so a scene never holds a scrap without annotation.

    Args:
        rng: NumPy Generator.
        size: int, pixels.
        count: int >= 0.
        pairs: the (color, shape) that may occur, equally often.
        scale: float, how much larger than RADIUS things are.
    """
    free = np.ones((size, size), bool)
    things, visible = [], []
    while len(things) < count:
        thing = draw_thing(rng, size, pairs, scale)
        mask = scene_drawing.distance(thing, size) < 0
        seen = mask & free
        if seen.sum() >= LEAST_VISIBLE * mask.sum():
            things.insert(0, thing)
            visible.insert(0, seen)
            free &= ~mask
    image = scene_drawing.background(rng, size)
    for thing in things:
        scene_drawing.paint(image, thing)
    noisy = image + rng.normal(scale=scene_drawing.NOISE, size=image.shape)
    visible = np.array(visible, bool).reshape(-1, size, size)
    return Scene(np.clip(noisy, 0, 255).astype("uint8"), things, visible)
