"""How a thing looks: signed distances to its outline, textures, colours.

A signed distance is negative inside, zero on the outline and positive outside. It
gives the mask (distance < 0) and the anti-aliased edge (half covered at zero).
"""

import numpy as np

RGB = {
    "red": (200, 35, 30),
    "green": (40, 165, 90),
    "blue": (35, 85, 215),
    "yellow": (245, 215, 40),
    "purple": (190, 110, 205),
    "white": (240, 240, 240),
}
DARK = 0.45  # brightness of the dark half of a texture
OUTLINE = 0.3  # brightness of the outline
NOISE = 5.0
REACH = 1.25  # no shape of radius 1 reaches farther than this from its centre


def circle(u, v):
    return np.hypot(u, v) - 0.95


def square(u, v):
    return np.maximum(abs(u), abs(v)) - 0.85


def triangle(u, v):
    slope = np.sqrt(0.75) * abs(u) - 0.5 * v
    return np.maximum(slope, v) - 0.6


def star(u, v):
    """Five points: fold the plane into one of ten equal wedges, cut along a line."""
    fifth = 2 * np.pi / 5
    turned = np.arctan2(u, -v) + fifth / 2
    angle = abs(turned % fifth - fifth / 2)
    tip, notch = REACH, 0.55
    a, b = np.array([0, tip]), notch * np.array([np.sin(fifth / 2), np.cos(fifth / 2)])
    normal = np.array([a[1] - b[1], b[0] - a[0]])
    normal = normal / np.hypot(*normal)
    r = np.hypot(u, v)
    return r * (np.sin(angle) * normal[0] + np.cos(angle) * normal[1]) - a @ normal


def cross(u, v):
    long, thin = 1.05, 0.36
    across = np.maximum(abs(u) - long, abs(v) - thin)
    upright = np.maximum(abs(u) - thin, abs(v) - long)
    return np.minimum(across, upright)


def heart(u, v):
    """A square that stands on a corner, and a circle on each of its upper sides."""
    half, v = 0.62, v + 0.1
    corner = (abs(u) + abs(v)) / np.sqrt(2) - half
    lobe = np.hypot(abs(u) - half / np.sqrt(2), v + half / np.sqrt(2)) - half
    return np.minimum(corner, lobe)


DISTANCE = {
    "circle": circle,
    "square": square,
    "triangle": triangle,
    "star": star,
    "cross": cross,
    "heart": heart,
}


def turned(thing, size):
    """Return u, v, (H, W) each: the pixels in the frame of the thing, in pixels."""
    x = np.arange(size) + 0.5 - thing.x
    y = (np.arange(size) + 0.5 - thing.y)[:, None]
    cos, sin = np.cos(thing.angle), np.sin(thing.angle)
    return cos * x + sin * y, cos * y - sin * x


def distance(thing, size):
    """Return (H, W) float: how many pixels lie between a pixel and the outline."""
    u, v = turned(thing, size)
    radius = thing.radius
    return DISTANCE[thing.shape](u / radius, v / radius) * radius


def texture(thing, size):
    """Return (H, W) float from 0, dark, to 1, bright."""
    period = 3.5 + size / 40
    u, v = (2 * np.pi * (w / period + thing.phase) for w in turned(thing, size))
    if thing.material == "plain":
        wave = np.ones((size, size))
    elif thing.material == "striped":
        wave = np.cos(v) + 0 * u
    elif thing.material == "dotted":
        wave = 0.8 - np.cos(u) - np.cos(v)
    else:
        wave = 2 * np.cos(u / 1.5) * np.cos(v / 1.5)
    return np.clip(0.5 + wave, 0, 1)


def paint(image, thing):
    """Paint the thing over the image, (H, W, 3) float, in place."""
    d = distance(thing, len(image))
    bright = DARK + (1 - DARK) * texture(thing, len(image))
    rim = np.clip(d + 1.5, 0, 1)
    bright = bright * (1 - rim) + OUTLINE * rim
    color = bright[..., None] * np.array(RGB[thing.color])
    cover = np.clip(0.5 - d, 0, 1)[..., None]
    image += cover * (color - image)


def background(rng, size):
    """Return (H, W, 3) float: a grey that changes gently from one side to another."""
    light, dark = rng.uniform(95, 150), rng.uniform(70, 110)
    angle = rng.uniform(0, 2 * np.pi)
    across = np.linspace(-0.5, 0.5, size)
    slope = np.cos(angle) * across + np.sin(angle) * across[:, None]
    grey = (light + dark) / 2 + (light - dark) * slope
    return grey[..., None] + rng.uniform(-12, 12, 3)
