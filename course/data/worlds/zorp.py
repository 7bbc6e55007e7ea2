"""English and Zorp, a language made for this course: both grammars, and the truth.

    >>> translate("the old dogs near a tree did not see this red bird")
    'zoi turi arvoi bren bu ga pil risha ti ziroin nu'

A sentence is one or two clauses. In Zorp
    the verb ends its clause, after the object (SOV): only tense and "not" are near it;
    an adjective follows its noun, a postposition its phrase;
    where it happens comes first; so does the reason ("A because B" is "B dal A");
    the, this and adjectives agree with their noun, the verb with its subject, in
    gender (vowel a or o) and number, however far away that is;
    "know" has one verb for somebody and one for a thing, "bank" one noun after "on"
    (the shore) and one elsewhere (the house of money).
"""

from course.data.worlds.zorp_english import (
    Clause,
    Phrase,
    Place,
    Sentence,
    english,
    parse,
)
from course.data.worlds.zorp_words import (
    ACQUAINTED,
    ADJECTIVES,
    ANIMALS,
    DETERMINERS,
    JOINTS,
    LIVING,
    NOT,
    NOUNS,
    PLACES,
    POSTPOSITIONS,
    SHORE,
    TENSES,
    THINGS,
    VERBS,
    is_living,
)


def translate(text):
    """Return the Zorp of an English sentence.

    Raises:
        ValueError: the grammar does not make this sentence.
    """
    try:
        sentence = parse(text)
        if english(sentence) == text:
            return zorp(sentence)
    except (KeyError, IndexError):
        pass
    raise ValueError(f"the grammar of zorp.py does not make {text!r}")


def zorp(sentence):
    """Return a Sentence as Zorp text."""
    words = _zorp_clause(sentence.first)
    if sentence.joint:
        second = _zorp_clause(sentence.second)
        before, after = (
            (second, words) if sentence.joint == "because" else (words, second)
        )
        words = [*before, JOINTS[sentence.joint], *after]
    return " ".join(word for word in words if word)


def _zorp_clause(clause):
    stem = VERBS[clause.verb].stem
    if clause.verb == "know" and is_living(clause.object.noun):
        stem = ACQUAINTED
    ending = "in" if clause.subject.many else "s"
    return [
        *_zorp_place(clause.place),
        *_zorp_phrase(clause.subject),
        *_zorp_phrase(clause.object),
        TENSES[clause.tense],
        stem + NOUNS[clause.subject.noun].gender + ending,
        NOT if clause.negative else "",
    ]


def _zorp_phrase(phrase, preposition=""):
    shore = phrase.noun == "bank" and preposition == "on"
    noun = SHORE if shore else NOUNS[phrase.noun]
    number = "i" if phrase.many else ""
    stems = [DETERMINERS[phrase.determiner], ADJECTIVES.get(phrase.adjective, "")]
    determiner, adjective = (s and s + noun.gender + number for s in stems)
    return [determiner, noun.stem + number, adjective, *_zorp_place(phrase.place)]


def _zorp_place(place):
    if place is None:
        return []
    return [*_zorp_phrase(*reversed(place)), POSTPOSITIONS[place.preposition]]


class Draw:
    """Sentences at random.

    Args:
        rng: NumPy Generator.
        compounds: compound nouns to use; one noun in 16 is one where it can be.
        joined: share of sentences of two clauses.
    """

    def __init__(self, rng, compounds, joined):
        self.rng = rng
        self.joined = joined
        self.living = [*LIVING], [c for c in compounds if c in ANIMALS]
        self.things = [*THINGS, *PLACES], [c for c in compounds if c not in ANIMALS]
        self.places = [*PLACES], []

    def chance(self, share):
        return self.rng.random() < share

    def one_of(self, words):
        return words[self.rng.integers(len(words))]

    def sentence(self):
        joint = self.one_of([*JOINTS]) if self.chance(self.joined) else ""
        return Sentence(self.clause(), joint, self.clause() if joint else None)

    def clause(self):
        return Clause(
            subject=self.phrase(*self.living, place=0.4),
            verb=self.one_of([*VERBS]),
            tense=self.one_of([*TENSES]),
            negative=self.chance(0.3),
            object=self.phrase(*(self.living if self.chance(0.5) else self.things)),
            place=self.place() if self.chance(0.4) else None,
        )

    def phrase(self, nouns, compounds, place=0.0):
        rare = compounds and self.chance(1 / 16)
        return Phrase(
            determiner=self.one_of([*DETERMINERS]),
            adjective=self.one_of([*ADJECTIVES]) if self.chance(0.4) else "",
            noun=self.one_of(compounds if rare else nouns),
            many=self.chance(0.5),
            place=self.place() if self.chance(place) else None,
        )

    def place(self):
        preposition = self.one_of([*POSTPOSITIONS])
        return Place(preposition, self.phrase(*self.places, place=0.15))
