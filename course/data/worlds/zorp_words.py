"""The words of English and Zorp that `zorp` builds sentences from.

A noun of Zorp has a gender, "a" or "o", that neither its form nor its meaning shows.
"""

from itertools import product
from typing import NamedTuple


class Noun(NamedTuple):
    """A stem of Zorp and its gender, the vowel of all that agrees with it."""

    stem: str
    gender: str


class Verb(NamedTuple):
    """The past tense in English and the stem in Zorp."""

    past: str
    stem: str


LIVING = {
    "dog": Noun("tur", "o"),
    "cat": Noun("mesh", "a"),
    "child": Noun("pelin", "a"),
    "king": Noun("varok", "o"),
    "teacher": Noun("solim", "a"),
    "sailor": Noun("damek", "o"),
    "mouse": Noun("nib", "o"),
    "bird": Noun("pil", "a"),
    "horse": Noun("gord", "o"),
    "fox": Noun("ruv", "o"),
    "fish": Noun("lash", "a"),
}
THINGS = {
    "apple": Noun("yom", "a"),
    "letter": Noun("fetil", "o"),
    "picture": Noun("marud", "o"),
    "flower": Noun("lin", "a"),
    "stone": Noun("kar", "o"),
    "river": Noun("nul", "a"),
    "moon": Noun("sev", "a"),
    "cloud": Noun("fom", "o"),
    "star": Noun("tiz", "a"),
    "storm": Noun("drok", "o"),
    "sea": Noun("mav", "a"),
    "forest": Noun("hulen", "o"),
}
PLACES = {
    "house": Noun("zeg", "o"),
    "tower": Noun("kol", "a"),
    "boat": Noun("vash", "a"),
    "tree": Noun("bren", "o"),
    "cart": Noun("jup", "a"),
    "tent": Noun("shil", "o"),
    "castle": Noun("gural", "o"),
    "barn": Noun("wup", "a"),
    "bank": Noun("tavik", "o"),  # where money is
}
SHORE = Noun("lorum", "a")  # the bank of a river: "on the bank"

FRONTS = ("stone", "river", "moon", "cloud", "star", "storm", "sea", "forest")
HEADS = ("bird", "horse", "fox", "fish", "flower", "house", "tower", "boat")
SIMPLE = LIVING | THINGS | PLACES
# "moonbird" is "pilesev": the head first, and the head's gender.
COMPOUNDS = {
    front + head: Noun(f"{SIMPLE[head].stem}e{SIMPLE[front].stem}", SIMPLE[head].gender)
    for front, head in product(FRONTS, HEADS)
}
NOUNS = SIMPLE | COMPOUNDS
ANIMALS = frozenset(c for c in COMPOUNDS if c.endswith(HEADS[:4]))
PLURALS = {"child": "children", "mouse": "mice"}
SIBILANT = ("fox", "fish")

ADJECTIVES = {
    "red": "rish",
    "big": "gon",
    "small": "pim",
    "old": "arv",
    "white": "bel",
    "black": "mor",
    "strange": "yel",
    "quiet": "shum",
    "new": "dev",
    "beautiful": "lurin",
}
VERBS = {
    "see": Verb("saw", "zir"),
    "hear": Verb("heard", "klem"),
    "find": Verb("found", "dosh"),
    "follow": Verb("followed", "tram"),
    "paint": Verb("painted", "bul"),
    "love": Verb("loved", "yis"),
    "need": Verb("needed", "gap"),
    "remember": Verb("remembered", "honel"),
    "like": Verb("liked", "wem"),
    "know": Verb("knew", "nek"),  # to know a thing
}
ACQUAINTED = "sorf"  # to know somebody
DETERMINERS = {"the": "z", "this": "g", "a": ""}  # Zorp has no word for "a"
POSTPOSITIONS = {
    "near": "bu",
    "behind": "tel",
    "beside": "wi",
    "under": "dra",
    "in": "mo",
    "on": "su",
}
TENSES = {"present": "", "past": "ti", "future": "ke"}
NOT = "nu"
JOINTS = {"and": "ep", "because": "dal"}


def plural(noun):
    """Return the plural of an English noun: "dogs", "children", "moonfishes"."""
    ending = "es" if noun.endswith(SIBILANT) else "s"
    return PLURALS.get(noun, noun + ending)


def is_living(noun):
    return noun in LIVING or noun in ANIMALS
