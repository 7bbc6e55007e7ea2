"""Entities: the spans that BIO tags mark, and how many of them were found.

Paper: Tjong Kim Sang and De Meulder, "Introduction to the CoNLL-2003 Shared Task:
       Language-Independent Named Entity Recognition", CoNLL 2003.
Link:  https://aclanthology.org/W03-0419 (sections 2.2 and 2.3)
"""


def spans(tags):
    """Return the entities in a row of tags.

    B-PER begins a person, I-PER goes on with it, O is outside. An I- that has nothing
    of its kind before it begins an entity, as in the task's own program.

    Args:
        tags: list of str: O, or B- or I- and a kind.

    Returns:
        list of (kind, first place, place behind the last).

    Raises:
        ValueError: a tag is none of these.

    Example:
        >>> spans("B-PER I-PER B-PER O I-LOC".split())
        [('PER', 0, 2), ('PER', 2, 3), ('LOC', 4, 5)]
    """
    found, start, kind = [], None, None
    for place, tag in enumerate([*tags, "O"]):
        mark, _, this = tag.partition("-")
        if not (tag == "O" or mark in ("B", "I") and this):
            raise ValueError(f"a tag must be O, B-... or I-..., got {tag!r}")
        goes_on = mark == "I" and this == kind
        if kind is not None and not goes_on:
            found.append((kind, start, place))
        if not goes_on:
            start, kind = place, this or None
    return found


def impossible(tags):
    """Return the places of an I- that has nothing of its kind before it.

    Example:
        >>> impossible("O I-PER B-LOC I-LOC I-PER".split())
        [1, 4]
    """
    before = ["O", *tags]
    return [
        place
        for place, tag in enumerate(tags)
        if tag.startswith("I-") and before[place][2:] != tag[2:]
    ]


def scores(guessed, true):
    """Return precision, recall and F1 of items that were guessed.

        P = hits / guessed    R = hits / true    F1 = 2 P R / (P + R)

    Each is 0 where it would be 0 / 0.

    Args:
        guessed, true: sets.

    Example:
        >>> scores({1, 2, 3, 4}, {4, 5})
        (0.25, 0.5, 0.3333333333333333)
    """
    hits = len(guessed & true)
    precision = hits / len(guessed) if guessed else 0.0
    recall = hits / len(true) if true else 0.0
    both = len(guessed) + len(true)
    return precision, recall, 2 * hits / both if both else 0.0


def entity_f1(guesses, truth):
    """Return the F1 of entities: kind and both ends must be right.

    Args:
        guesses, truth: lists of rows of tags, equally long.

    Returns:
        float from 0 to 1.

    Raises:
        ValueError: a guess has another length than the truth.

    Example:
        >>> entity_f1([["B-PER", "O"]], [["B-PER", "I-PER"]])  # half a name is none
        0.0
    """
    return scores(_all(guesses, truth, spans), _all(truth, truth, spans))[2]


def token_f1(guesses, truth):
    """Return the F1 of single tags other than O, as if each were an entity.

    Example:
        >>> round(token_f1([["B-PER", "O"]], [["B-PER", "I-PER"]]), 4)
        0.6667
    """

    def tags(row):
        return [(tag, i) for i, tag in enumerate(row) if tag != "O"]

    return scores(_all(guesses, truth, tags), _all(truth, truth, tags))[2]


def _all(rows, truth, items):
    """Return the items of all rows, each with the number of its row."""
    if [*map(len, rows)] != [*map(len, truth)]:
        raise ValueError("guesses and truth must have as many tags in each row")
    return {(i, item) for i, row in enumerate(rows) for item in items(row)}
