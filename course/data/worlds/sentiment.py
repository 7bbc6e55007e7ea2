"""Film reviews as binary trees; every node says how it feels, from 0 to 4.

0 very negative, 1 negative, 2 neutral, 3 positive, 4 very positive. The label of a
node follows from its two children alone:

    very x                          x at its extreme
    not x, hardly x, far from x     the other side, mildly: "not awful" is 3
    i expected x ; it was not       the other side of x, mildly
    x but y, x ruined by y          y; also "although x , y" and "y , although x"
    anything else                   the child that feels more
"""

from typing import NamedTuple

INTENSIFIERS = ("very", "truly", "really")
NEGATORS = ("not", "never", "hardly", "far from")
CONTRASTS = ("but", "ruined", "saved")


class Tree(NamedTuple):
    """A word with a label, or two trees with the label of the whole."""

    label: int
    text: str
    children: tuple = ()

    def __str__(self):
        """Return the tree in the brackets of the Stanford Sentiment Treebank."""
        return f"({self.label} {' '.join(map(str, self.children)) or self.text})"


def node(left, right):
    """Return the tree of two trees; this is where sentiment is composed."""
    return Tree(_label(left, right), f"{left.text} {right.text}", (left, right))


def _label(left, right):
    begins = right.text.split()[0]
    if left.text in INTENSIFIERS:
        return 4 if right.label > 2 else 0
    if left.text in NEGATORS:
        return opposite(right.label)
    if right.text == "; it was not":
        return opposite(left.label)
    if begins in CONTRASTS:
        return right.label
    if left.text.startswith("although ") and begins == ",":
        return right.label
    if right.text.startswith(", although"):
        return left.label
    return max(left.label, right.label, key=lambda label: abs(label - 2))


def opposite(label):
    """Return the other side, mildly; what is neutral stays so."""
    return 2 if label == 2 else 1 if label > 2 else 3


def neutral(text):
    """Return the tree of a text in which no word feels anything, "the plot"."""
    word, _, rest = text.partition(" ")
    leaf = Tree(2, word)
    return node(leaf, neutral(rest)) if rest else leaf


def say(subject, quality):
    """the plot is / dull"""
    subject, _, verb = subject.rpartition(" ")
    return node(neutral(subject), node(neutral(verb), quality))


def both(x, y):
    return node(x, node(neutral("and"), y))


def but(x, y):
    return node(x, node(neutral("but"), y))


def although_first(x, y):
    return node(node(neutral("although"), x), node(neutral(","), y))


def although_last(x, y):
    return node(y, node(neutral(","), node(neutral("although"), x)))


def instead(subject, wrong, right):
    """the plot is not dull , it is good"""
    verb = subject.split()[-1]
    denial = say(subject, node(neutral("not"), wrong))
    return node(denial, node(neutral(","), say(f"it {verb}", right)))


def expected(quality, verdict):
    """i expected it to be dull ; / it was not"""
    hope = node(neutral("i expected it"), node(neutral("to be"), quality))
    return node(hope, node(neutral(";"), neutral(verdict)))


def mended(x, quality_x, y, quality_y):
    """a good plot / ruined by a dull ending"""
    deed = "saved by a" if quality_y.label > 2 else "ruined by a"
    first = node(neutral("a"), node(quality_x, neutral(x)))
    return node(first, node(neutral(deed), node(quality_y, neutral(y))))
