"""Grey sprites of five factors, drawn independently: shape, scale, angle and place.

In the manner of dSprites (Matthey et al., 2017), whose square, ellipse and heart take
40 angles over the whole turn although a square looks the same after a quarter. Here no
two angles of a shape look alike: each goes through as much of a turn as it has before
it repeats itself.
"""

from dataclasses import dataclass

import numpy as np

SIZE = 32
SHAPES = ("square", "ellipse", "heart")
REPEATS = {"square": 4, "ellipse": 2, "heart": 1}  # looks in a turn
SCALES = np.linspace(0.6, 1, 6)
ORIENTATIONS = 12
PLACES = np.linspace(0, 1, 8)
RADIUS = 9.0  # pixels, of a shape of scale 1
MARGIN = 2.0  # pixels between the image's edge and a shape of scale 1
FINE = 4  # points on a side at which a pixel is looked at, for smooth edges


@dataclass(frozen=True)
class Sprite:
    """Numbers of the factors, each from 0."""

    shape: int
    scale: int
    orientation: int
    x: int
    y: int

    @property
    def values(self):
        """The factors as dSprites gives them: angle in radians, places from 0 to 1."""
        part = 2 * np.pi / REPEATS[SHAPES[self.shape]]
        return {
            "shape": self.shape + 1.0,
            "scale": SCALES[self.scale],
            "orientation": part * self.orientation / ORIENTATIONS,
            "x_position": PLACES[self.x],
            "y_position": PLACES[self.y],
        }


COUNTS = {
    "shape": len(SHAPES),
    "scale": len(SCALES),
    "orientation": ORIENTATIONS,
    "x": len(PLACES),
    "y": len(PLACES),
}


def draw_sprite(rng):
    """Return a Sprite, all of which are equally likely."""
    return Sprite(**{factor: int(rng.integers(n)) for factor, n in COUNTS.items()})


def inside(shape, u, v):
    """Tell which points (u, v), in radii and with v downwards, lie in a shape."""
    if shape == "square":
        return np.maximum(abs(u), abs(v)) < 0.75
    if shape == "ellipse":
        return u**2 + (v / 0.5) ** 2 < 1
    v = 0.05 - v  # upwards, and the heart's middle at 0
    return v**2 - 1.2 * abs(u) * v + u**2 < 0.42


def render(sprite):
    """Return the picture of a Sprite, (H, W, 1) uint8, white on black."""
    values = sprite.values
    radius = RADIUS * values["scale"]
    edge = RADIUS + MARGIN
    x0, y0 = (edge + (SIZE - 2 * edge) * values[f"{k}_position"] for k in "xy")
    at = (np.arange(SIZE * FINE) + 0.5) / FINE
    x, y = (at - x0)[None, :] / radius, (at - y0)[:, None] / radius
    cos, sin = np.cos(values["orientation"]), np.sin(values["orientation"])
    full = inside(SHAPES[sprite.shape], cos * x + sin * y, cos * y - sin * x)
    cover = full.reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))
    return np.round(255 * cover).astype("uint8")[..., None]
