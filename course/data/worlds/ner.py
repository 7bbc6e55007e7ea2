"""Sentences with entities whose kind follows from the context, never from the name.

Every name is made of two parts, "Mar" and "low". In one sentence Marlow is a person,
in others a firm, a town or a film, each as likely as for any other name.
"""

from itertools import product
from typing import NamedTuple

from course.data.worlds.ner_grammar import RULES

KINDS = {
    "PER": "PER",
    "ORG": "ORG",
    "LOC": "LOC",
    "WORK": "MISC",
    "EVENT": "MISC",
    "DEMONYM": "MISC",
}
BEGINNINGS = (
    "Ash Bran Cal Cor Dal Dun El Fen Gar Hal Har Ker Lan Mar Mil Nor Os Pel Ran Sel "
    "Tar Thorn Ul Vel Wes Win Yar Zel"
)
ENDINGS = (
    "berg burn combe dale den field ford grad ham holm land lin low mar mere mond mont "
    "nov rick sted stein strand ton vik well wick wood worth"
)
STEMS = [first + last for first, last in product(BEGINNINGS.split(), ENDINGS.split())]


class Token(NamedTuple):
    text: str
    pos: str
    ner: str = "O"


def sentence(rng, stems):
    """Return a random sentence, a list of Tokens.

    Args:
        rng: NumPy Generator.
        stems: list of str, the names to use, each as any kind of entity.
    """
    first, *rest = _expanded("sentence", rng, stems)
    return [first._replace(text=first.text[0].upper() + first.text[1:]), *rest]


def _expanded(symbol, rng, stems):
    """Return the Tokens of a symbol of the grammar."""
    if symbol == "STEM":
        return [Token(_one_of(stems, rng), "NNP")]
    if symbol == "STEMIAN":
        return [Token(_one_of(stems, rng).removesuffix("e") + "ian", "JJ")]
    if "/" in symbol:
        return [Token(*symbol.split("/"))]
    parts = _one_of(RULES[symbol], rng)
    tokens = [token for part in parts for token in _expanded(part, rng, stems)]
    if symbol not in KINDS:
        return tokens
    marks = ["B", *"I" * (len(tokens) - 1)]
    return [
        token._replace(ner=f"{mark}-{KINDS[symbol]}")
        for mark, token in zip(marks, tokens, strict=True)
    ]


def _one_of(choices, rng):
    return choices[rng.integers(len(choices))]


def entities(tags):
    """Return the spans (kind, start, stop) of a list of BIO tags such as "B-PER".

    An I- tag that continues nothing of its kind begins an entity, as conlleval has it.
    """
    spans = []
    for place, tag in enumerate(tags):
        mark, _, kind = tag.partition("-")
        if mark == "I" and spans and spans[-1][::2] == (kind, place):
            spans[-1] = (kind, spans[-1][1], place + 1)
        elif mark != "O":
            spans.append((kind, place, place + 1))
    return spans
