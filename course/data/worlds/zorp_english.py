"""The English of `zorp`: sentences as structures, written out and read back."""

from collections import deque
from typing import NamedTuple

from course.data.worlds.zorp_words import (
    ADJECTIVES,
    NOUNS,
    POSTPOSITIONS,
    VERBS,
    plural,
)


class Phrase(NamedTuple):
    """Such as "the old dogs near a tree"; words are English and in the singular."""

    determiner: str  # the, this, a
    adjective: str  # "" for none
    noun: str
    many: bool
    place: "Place | None" = None


class Place(NamedTuple):
    """Such as "near a tree"."""

    preposition: str
    phrase: Phrase


class Clause(NamedTuple):
    """Subject, verb and object; the place is where it happens."""

    subject: Phrase
    verb: str
    tense: str  # present, past, future
    negative: bool
    object: Phrase
    place: Place | None = None


class Sentence(NamedTuple):
    """One clause, or two that "and" or "because" joins."""

    first: Clause
    joint: str = ""
    second: Clause | None = None


def english(sentence):
    """Return a Sentence as English text."""
    words = _english_clause(sentence.first)
    if sentence.joint:
        words = [*words, sentence.joint, *_english_clause(sentence.second)]
    return " ".join(words)


def _english_clause(clause):
    return [
        *_english_phrase(clause.subject),
        *_english_verb(clause),
        *_english_phrase(clause.object),
        *_english_place(clause.place),
    ]


def _english_phrase(phrase):
    many = {"the": "the", "this": "these", "a": "some"}
    one = plural(phrase.noun) if phrase.many else phrase.noun
    words = [phrase.adjective, one] if phrase.adjective else [one]
    determiner = many[phrase.determiner] if phrase.many else phrase.determiner
    if determiner == "a" and words[0][0] in "aeiou":
        determiner = "an"
    return [determiner, *words, *_english_place(phrase.place)]


def _english_place(place):
    return [place.preposition, *_english_phrase(place.phrase)] if place else []


def _english_verb(clause):
    many = clause.subject.many
    if clause.tense == "future":
        return ["will", *["not"] * clause.negative, clause.verb]
    if clause.negative:
        do = "did" if clause.tense == "past" else "do" if many else "does"
        return [do, "not", clause.verb]
    if clause.tense == "past":
        return [VERBS[clause.verb].past]
    return [clause.verb if many else clause.verb + "s"]


def parse(text):
    """Return the Sentence that an English text means."""
    words = deque(text.split())
    first = _parse_clause(words)
    if not words:
        return Sentence(first)
    return Sentence(first, words.popleft(), _parse_clause(words))


_SINGULAR = {plural(noun): noun for noun in NOUNS}
_DETERMINERS = {"these": "this", "some": "a", "an": "a"}
_PAST = {verb.past: base for base, verb in VERBS.items()}


def _parse_clause(words):
    subject = _parse_phrase(words, _parse_place)
    verb, tense, negative = _parse_verb(words)
    direct = _parse_phrase(words, lambda _: None)  # a place after it is the clause's
    return Clause(subject, verb, tense, negative, direct, _parse_place(words))


def _parse_phrase(words, parse_place):
    determiner = words.popleft()
    adjective = words.popleft() if words[0] in ADJECTIVES else ""
    noun = words.popleft()
    return Phrase(
        _DETERMINERS.get(determiner, determiner),
        adjective,
        _SINGULAR.get(noun, noun),
        noun in _SINGULAR,
        parse_place(words),
    )


def _parse_place(words):
    if words and words[0] in POSTPOSITIONS:
        return Place(words.popleft(), _parse_phrase(words, _parse_place))
    return None


def _parse_verb(words):
    helpers = {"will": "future", "did": "past", "do": "present", "does": "present"}
    word = words.popleft()
    if word in helpers:
        negative = words[0] == "not"
        if negative:
            words.popleft()
        return words.popleft(), helpers[word], negative
    if word in _PAST:
        return _PAST[word], "past", False
    return word.removesuffix("s"), "present", False
