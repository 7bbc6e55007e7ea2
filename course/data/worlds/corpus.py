"""A language whose words differ in known ways, so that analogies hold in it.

    the kings proud of the palace sang a ballad yesterday , each with his dog .

A noun is a base (king and queen have one) in two genders and two numbers, a verb a
base in two numbers and two tenses. Each factor has words of its own that come with
it, whatever the other factors are: "palace" with the base, "his" with the gender,
"these" with the number, "yesterday" with the tense. So a word's company is the sum of
the company of its factors, and king - man + woman is queen.
"""

from itertools import permutations
from typing import NamedTuple

NOUNS = {  # male, female, males, females: what they are fond of
    "king queen kings queens": "throne crown palace",
    "man woman men women": "office street neighbour",
    "boy girl boys girls": "school toy classroom",
    "actor actress actors actresses": "stage theatre rehearsal",
    "prince princess princes princesses": "castle ball carriage",
    "uncle aunt uncles aunts": "birthday family nephew",
    "waiter waitress waiters waitresses": "restaurant menu kitchen",
    "monk nun monks nuns": "chapel prayer bell",
    "wizard witch wizards witches": "potion spell broom",
    "duke duchess dukes duchesses": "estate title portrait",
    "hero heroine heroes heroines": "legend rescue medal",
    "host hostess hosts hostesses": "party guest invitation",
    "god goddess gods goddesses": "temple altar myth",
    "grandfather grandmother grandfathers grandmothers": "attic memoir pension",
}
VERBS = {  # singular, plural, past: what follows
    "sings sing sang": "a ballad | a duet | in the choir",
    "drives drive drove": "a lorry | along the motorway | to the garage",
    "swims swim swam": "in the lake | across the pool | to the island",
    "bakes bake baked": "a pie | some bread | a cake",
    "writes write wrote": "a poem | an essay | to the editor",
    "plays play played": "the violin | some chess | at the piano",
    "rides ride rode": "a horse | a camel | across the meadow",
    "buys buy bought": "a carpet | some cheese | a lamp",
    "climbs climb climbed": "a hill | a ladder | to the summit",
    "grows grow grew": "some tomatoes | a rose | in the greenhouse",
    "builds build built": "a cabin | a bridge | some shelves",
    "drinks drink drank": "some coffee | a lemonade | from the well",
    "paints paint painted": "a landscape | a fence | with the brush",
    "teaches teach taught": "some algebra | a lesson | at the college",
}
DETERMINERS = {
    "singular": "this that one every".split(),
    "plural": "these two many several".split(),
}
TIMES = {
    "present": "today | now | at the moment".split(" | "),
    "past": "yesterday | last week | long ago".split(" | "),
}
TAILS = {
    "male": "with his dog | for his own pleasure | by himself | like a gentleman",
    "female": "with her dog | for her own pleasure | by herself | like a lady",
}
FEELINGS = "fond of | proud of | tired of | known for".split(" | ")


class Factors(NamedTuple):
    """What a word is; "" for a factor that it does not have."""

    base: str
    gender: str = ""
    number: str = ""
    tense: str = ""


def _factors():
    words = {}
    for forms in map(str.split, NOUNS):
        kinds = [(g, n) for n in DETERMINERS for g in TAILS]
        words |= {w: Factors(forms[0], *k) for w, k in zip(forms, kinds, strict=True)}
    for forms in map(str.split, VERBS):
        kinds = [("singular", "present"), ("plural", "present"), ("", "past")]
        for word, (number, tense) in zip(forms, kinds, strict=True):
            words[word] = Factors(forms[0], number=number, tense=tense)
    return words


FACTORS = _factors()


def analogies():
    """Return all (a, b, c, d) where a is to b as c is to d, words all different.

    In each, one factor changes: gender, number or tense. A past form has no number.
    """
    nouns, verbs = [*map(str.split, NOUNS)], [*map(str.split, VERBS)]
    relations = [
        [pair for m, f, ms, fs in nouns for pair in ((m, f), (ms, fs))],
        [pair for m, f, ms, fs in nouns for pair in ((m, ms), (f, fs))],
        [(singular, past) for singular, _, past in verbs],
        [(plural, past) for _, plural, past in verbs],
        [(singular, plural) for singular, plural, _ in verbs],
    ]
    return [(*p, *q) for pairs in relations for p, q in permutations(pairs, 2)]


def sentence(rng):
    """Return a random sentence; rng is a NumPy Generator."""
    number, tense, gender = (_one_of([*f], rng) for f in (DETERMINERS, TIMES, TAILS))
    nouns, verbs = _one_of([*NOUNS], rng), _one_of([*VERBS], rng)
    noun = nouns.split()[2 * (number == "plural") + (gender == "female")]
    verb = verbs.split()[2 if tense == "past" else number == "plural"]
    words = [_one_of(DETERMINERS[number], rng), noun]
    if rng.random() < 0.8:
        words += [_one_of(FEELINGS, rng), "the", _one_of(NOUNS[nouns].split(), rng)]
    words += [verb, _one_of(VERBS[verbs].split(" | "), rng)]
    if rng.random() < 0.8:
        words += [_one_of(TIMES[tense], rng)]
    if rng.random() < 0.8:
        words += [", each"] * (number == "plural")
        words += [_one_of(TAILS[gender].split(" | "), rng)]
    return " ".join([*words, "."])


def _one_of(choices, rng):
    return choices[rng.integers(len(choices))]
