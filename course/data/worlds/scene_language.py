"""What can be said and asked of a scene: captions that are true, and questions.

Each function that draws a sentence returns None where the scene gives no occasion.
"""

from collections import Counter

from course.data.worlds.scenes import COLORS, PAIRS, SHAPES

SYNONYMS = {
    "circle": ("circle", "disc"),
    "star": ("star", "five-pointed star"),
    "large": ("large", "big"),
    "small": ("small", "little"),
    "dotted": ("dotted", "spotted"),
    "checked": ("checked", "chequered"),
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "above": ("above", "higher than"),
    "below": ("below", "lower than"),
}
OPPOSITE = {"left of": "right of", "right of": "left of"}
OPPOSITE |= {"above": "below", "below": "above"}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
MARGIN = 0.12  # of the image's width: nearer than that, nothing is left or above
NOTHING = (
    "there is nothing in the picture",
    "an empty picture",
    "only a grey background",
    "no shapes at all",
    "nothing but grey",
)


def one_of(rng, items):
    return items[rng.integers(len(items))]


def word(rng, name):
    """Return a name or one of its synonyms."""
    return one_of(rng, SYNONYMS.get(name, (name,)))


def noun(rng, thing):
    """Return "a [large] red [striped] circle": a thing by some of its attributes."""
    said = [thing.color, word(rng, thing.shape)]
    if thing.material != "plain" and rng.integers(2):
        said.insert(1, word(rng, thing.material))
    if rng.integers(2):
        said.insert(0, word(rng, thing.size))
    return "a " + " ".join(said)


def relations(a, b, size):
    """Return what a is to b, in an image of size pixels; often nothing."""
    dx, dy, margin = a.x - b.x, a.y - b.y, MARGIN * size
    found = {"left of": dx < -margin, "right of": dx > margin}
    found |= {"above": dy < -margin, "below": dy > margin}
    return [name for name, holds in found.items() if holds]


def pairs(things, size):
    """Return every (a, relation, b) that holds."""
    both = ((a, b) for a in things for b in things if a is not b)
    return [(a, name, b) for a, b in both for name in relations(a, b, size)]


# captions


def captions(rng, scene, count=5):
    """Return captions of a scene, the first of which names everything in it."""
    things, size = scene.things, len(scene.image)
    if not things:
        return [NOTHING[i] for i in rng.permutation(len(NOTHING))[:count]]
    said = [listing(rng, things)]
    while len(said) < count:
        form = one_of(rng, (single, related, related, counted))
        sentence = form(rng, things, size)
        if sentence and sentence not in said:
            said.append(sentence)
    return said


def listing(rng, things):
    """Return "a red circle , a small blue star and a white cross": all of them."""
    nouns = [noun(rng, things[i]) for i in rng.permutation(len(things))]
    *first, last = nouns
    return " and ".join(filter(None, [" , ".join(first), last]))


def single(rng, things, size):
    opening = one_of(rng, ("", "there is ", "one can see ", "a picture with "))
    return opening + noun(rng, one_of(rng, things))


def related(rng, things, size):
    found = pairs(things, size)
    if not found:
        return None
    a, name, b = one_of(rng, found)
    verb = one_of(rng, ("is ", ""))
    return f"{noun(rng, a)} {verb}{word(rng, name)} {noun(rng, b)}"


def counted(rng, things, size):
    """Return "there are two red things" or "… two stars", all that there are."""
    group, count = one_of(rng, list(groups(things).items()))
    verb = "is" if count == 1 else "are"
    return f"there {verb} {NUMBERS[count]} {group_name(rng, group, count)}"


def groups(things):
    """Return how many things there are of each color and shape that occurs."""
    return Counter(value for t in things for value in (t.color, t.shape))


def group_name(rng, group, count):
    plural = "" if count == 1 else "s"
    if group in COLORS:
        return f"{group} {one_of(rng, ('thing', 'shape'))}{plural}"
    name = word(rng, group)
    return name + ("es" if name.endswith("s") and plural else plural)


# questions


def questions(rng, scene, allowed=PAIRS):
    """Return (question, answer) pairs, at most one of each kind.

    Whether a question can be asked never depends on which of its answers is right, so
    that the question alone tells nothing: yes and no are equally likely, and so are
    0, 1 and 2, and the colors, and the shapes.

    Args:
        allowed: the (color, shape) that a question may name; none, and it is not asked
            whether there is one.
    """
    kinds = (how_many, what_color, what_shape, is_related, are_more)
    found = [kind(rng, scene.things, len(scene.image)) for kind in kinds]
    found.append(is_there(rng, scene.things, allowed))
    return [pair for pair in found if pair]


def how_many(rng, things, size):
    counts = groups(things)
    by_count = [[g for g in (*COLORS, *SHAPES) if counts[g] == k] for k in range(3)]
    if not all(by_count):
        return None
    k = rng.integers(3)
    name = group_name(rng, one_of(rng, by_count[k]), 2)
    ask = one_of(rng, ("how many {} are there", "what is the number of {}"))
    return ask.format(name), str(k)


def is_there(rng, things, allowed):
    """Ask for a colored shape; where it is not, its color and its shape are."""
    there = {(t.color, t.shape) for t in things}
    crossed = {(c, s) for c, _ in there for _, s in there} - there
    crossed &= set(allowed)
    if not crossed:
        return None
    answer = one_of(rng, ("yes", "no"))
    color, shape = one_of(rng, sorted(there if answer == "yes" else crossed))
    ask = one_of(rng, ("is there a {} {}", "does the picture show a {} {}"))
    return ask.format(color, word(rng, shape)), answer


def unique(things, attribute):
    """Return the things that alone have their color, or their shape."""
    counts = Counter(getattr(t, attribute) for t in things)
    return [t for t in things if counts[getattr(t, attribute)] == 1]


def what_color(rng, things, size):
    alone = unique(things, "shape")
    if not alone:
        return None
    thing = one_of(rng, alone)
    ask = one_of(rng, ("what color is the {}", "which color does the {} have"))
    return ask.format(word(rng, thing.shape)), thing.color


def what_shape(rng, things, size):
    alone = unique(things, "color")
    if not alone:
        return None
    thing = one_of(rng, alone)
    ask = one_of(rng, ("what shape is the {} thing", "which shape is {}"))
    return ask.format(thing.color), thing.shape


def is_related(rng, things, size):
    """Ask how two things lie that their colors alone tell apart from the others."""
    found = pairs(unique(things, "color"), size)
    if not found:
        return None
    a, name, b = one_of(rng, found)
    answer = one_of(rng, ("yes", "no"))
    said = word(rng, name if answer == "yes" else OPPOSITE[name])
    return f"is the {a.color} thing {said} the {b.color} thing", answer


def are_more(rng, things, size):
    counts = Counter(t.shape for t in things)
    unequal = [(a, b) for a in SHAPES for b in SHAPES if counts[a] > counts[b] > 0]
    if not unequal:
        return None
    more, fewer = one_of(rng, unequal)
    answer = one_of(rng, ("yes", "no"))
    first, second = (more, fewer) if answer == "yes" else (fewer, more)
    first, second = (group_name(rng, shape, 2) for shape in (first, second))
    return f"are there more {first} than {second}", answer
