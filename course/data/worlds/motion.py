"""Clips of one object on a still ground, whose class is the motion alone; NumPy only.

Space is a torus: what leaves the frame on one side comes in on the other. The object
starts anywhere, turned anyhow, so wherever a class moves it, every single frame looks
the same in all classes. (Growth cannot be a class: its last frames show larger
objects.) Every class has its twin, the same motion backwards.

Angles are in radians and grow clockwise as one looks at the screen: y points down.
"""

import colorsys
from dataclasses import dataclass

import numpy as np

DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
CLASSES = (
    *DIRECTIONS,
    *("spin_clockwise", "spin_anticlockwise"),
    *("circle_clockwise", "circle_anticlockwise"),
)
FRAMES, SIZE = 8, 32


@dataclass
class Path:
    """Where the object is at each frame.

    centre: (T, 2) float, x and y in pixels, not wrapped. angle: (T,) float.
    """

    centre: np.ndarray
    angle: np.ndarray


@dataclass
class Look:
    """What the object and the ground look like, the same in all frames.

    radius: float, pixels. lobes: int, corners of the outline. depth: float, how deep
    they are cut. colours: (2, 3) float in [0, 1], of the object's two halves.
    ground: (H, W, 1) float in [0, 1].
    """

    radius: float
    lobes: int
    depth: float
    colours: np.ndarray
    ground: np.ndarray


def unit(angle):
    """Return the direction of an angle, (..., 2) float: x and y."""
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def draw_path(rng, name):
    """Return the Path of a clip of class `name`; frame 0 does not depend on it."""
    t = np.arange(FRAMES)
    centre = np.tile(rng.uniform(0, SIZE, 2), (FRAMES, 1))
    angle = np.full(FRAMES, rng.uniform(0, 2 * np.pi))
    speed = rng.uniform(0.8, 2)  # pixels a frame
    spin = np.radians(rng.uniform(10, 20))  # a frame
    orbit = rng.uniform(2.5, 4)  # pixels, the radius of the circle it runs
    phase, pace = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(35, 50))
    sign = -1 if name.endswith("anticlockwise") else 1
    if name in DIRECTIONS:
        centre = centre + speed * t[:, None] * DIRECTIONS[name]
    elif name.startswith("spin"):
        angle = angle + sign * spin * t
    else:
        centre = centre + orbit * (unit(phase + sign * pace * t) - unit(phase))
    return Path(centre, angle)


def draw_look(rng):
    """Return a Look: bright on a dark ground or dark on a bright one, in any hue."""
    bright, hue = rng.integers(2), rng.uniform()
    values = rng.permutation([0.55, 0.95] if bright else [0.25, 0.55])
    colours = np.array([colorsys.hsv_to_rgb(hue, 0.8, v) for v in values])
    x, y = 2 * np.pi * np.arange(SIZE) / SIZE + rng.uniform(0, 2 * np.pi, (2, 1))
    waves = np.cos(x)[None, :] * np.cos(y)[:, None]  # (H, W), periodic
    ground = rng.uniform(0.1, 0.2) if bright else rng.uniform(0.75, 0.85)
    ground = ground + rng.uniform(0.03, 0.08) * waves[..., None]
    radius, depth = rng.uniform(5, 10), rng.uniform(0.15, 0.3)
    return Look(radius, int(rng.integers(2, 6)), depth, colours, ground)


def offsets(path):
    """Return (T, H, W, 2) float: each pixel minus the centre, the short way round."""
    pixels = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1)
    away = pixels - path.centre[:, None, None]
    return (away + SIZE / 2) % SIZE - SIZE / 2


def render(path, look):
    """Return the clip, (T, H, W, 3) uint8, and where its object is, (T, H, W) bool."""
    away = offsets(path)
    x, y = away[..., 0], away[..., 1]
    theta = np.arctan2(y, x) - path.angle[:, None, None]
    outline = (1 + look.depth * np.cos(look.lobes * theta)) / (1 + look.depth)
    distance = np.hypot(x, y)
    cover = np.clip(look.radius * outline - distance + 0.5, 0, 1)
    along = distance * np.cos(theta) / look.radius  # -1 to 1, from half to half
    half = np.clip(0.5 + 2 * along, 0, 1)[..., None]  # a soft border between them
    paint = (1 - half) * look.colours[0] + half * look.colours[1]
    clip = look.ground + cover[..., None] * (paint - look.ground)
    return np.round(255 * clip).astype("uint8"), cover > 0.5


def optical_flow(path, mask):
    """Return (T - 1, H, W, 2) float32: how far each pixel of the object moves.

    (dx, dy) in pixels from a frame to the next, 0 outside the mask (T, H, W).
    """
    turn = np.diff(path.angle)[:, None, None]
    away = offsets(path)[:-1]
    x, y = away[..., 0], away[..., 1]
    turned_x = np.cos(turn) * x - np.sin(turn) * y
    turned_y = np.sin(turn) * x + np.cos(turn) * y
    flow = np.stack([turned_x, turned_y], -1) - away
    flow += np.diff(path.centre, axis=0)[:, None, None]
    return (flow * mask[:-1, ..., None]).astype("float32")


def draw_clip(rng, name):
    """Return a clip of class `name`: the video and its flow.

    Shapes: video (T, H, W, 3) uint8, flow (T - 1, H, W, 2) float32.
    """
    path, look = draw_path(rng, name), draw_look(rng)
    video, mask = render(path, look)
    return video, optical_flow(path, mask)
