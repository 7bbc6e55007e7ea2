"""Reviews of `sentiment` at random, and pairs of opposite ones with the same words."""

from course.data.worlds.sentiment import (
    INTENSIFIERS,
    NEGATORS,
    Tree,
    although_first,
    although_last,
    both,
    but,
    expected,
    instead,
    mended,
    neutral,
    node,
    say,
)

PARTS = ("plot", "cast", "ending", "script", "story", "opening scene", "soundtrack")
MATTERS = ("dialogue", "acting", "camera work", "humour", "direction")
VERBS = ("is", "was")
ADJECTIVES = {  # by label
    0: ("awful", "terrible", "dreadful", "unbearable"),
    1: ("dull", "weak", "bad", "clumsy", "boring", "flat", "silly", "tedious"),
    3: ("good", "clever", "charming", "funny", "fresh", "touching", "lively", "solid"),
    4: ("superb", "brilliant", "wonderful", "outstanding"),
}
ASIDES = (
    "we saw it on a sunday",
    "it lasts two hours",
    "it is based on a book",
    "a friend lent it to me",
    "it was filmed in one summer",
    "the tickets were sold at noon",
)


class Draw:
    """Reviews drawn with rng, a NumPy Generator."""

    def __init__(self, rng):
        self.rng = rng

    def one_of(self, items):
        return items[self.rng.integers(len(items))]

    def review(self, positive):
        """Return the tree of a review that is positive or is not."""
        forms = 5 * [self.plain, self.joined] + [
            *(self.contrast, self.contrast, self.expectation, self.correction),
            *(self.rescue, self.rescue),
        ]
        return self.framed(self.one_of(forms)(positive))[0]

    def pair(self):
        """Return a positive and a negative tree with the same words, reordered."""
        swaps = (self.swapped, self.turned, self.moved_not, self.corrected)
        return self.framed(*self.one_of(swaps)())

    def framed(self, *trees):
        """Return trees with a full stop, and perhaps the same neutral sentence."""
        stop, aside = neutral("."), neutral(self.one_of(ASIDES))
        trees = [node(tree, stop) for tree in trees]
        place = self.rng.integers(4)
        if place == 0:
            return [node(node(aside, stop), tree) for tree in trees]
        if place == 1:
            return [node(tree, node(aside, stop)) for tree in trees]
        return trees

    def adjective(self, positive):
        label = self.one_of((3, 3, 4) if positive else (1, 1, 0))
        return Tree(label, self.one_of(ADJECTIVES[label]))

    def mild(self, positive):
        """Return an adjective that can be intensified, intensified or not."""
        label = 3 if positive else 1
        tree = Tree(label, self.one_of(ADJECTIVES[label]))
        if self.rng.random() < 0.4:
            tree = node(neutral(self.one_of(INTENSIFIERS)), tree)
        return tree

    def quality(self, positive):
        """Return a few words, such as "good", "very good", "far from awful"."""
        way = self.rng.integers(4)
        if way < 2:
            return self.adjective(positive)
        if way == 2:
            return self.mild(positive)
        denied = self.one_of((self.adjective, self.mild))(not positive)
        return node(neutral(self.one_of(NEGATORS)), denied)

    def subjects(self):
        """Return two different ones with their verbs, "the plot is"."""
        topics = self.rng.permutation(PARTS + MATTERS)[:2].tolist()
        return [f"the {topic} {self.one_of(VERBS)}" for topic in topics]

    def plain(self, positive):
        return say(self.subjects()[0], self.quality(positive))

    def joined(self, positive):
        x, y = self.subjects()
        return both(say(x, self.quality(positive)), say(y, self.quality(positive)))

    def contrast(self, positive):
        x, y = self.subjects()
        link = self.one_of((but, although_first, although_last))
        return link(say(x, self.quality(not positive)), say(y, self.quality(positive)))

    def expectation(self, positive):
        fulfilled = self.rng.random() < 0.5
        quality = self.one_of((self.adjective, self.mild))
        verdict = "it was" if fulfilled else "it was not"
        return expected(quality(positive == fulfilled), verdict)

    def correction(self, positive):
        wrong, right = self.adjective(not positive), self.adjective(positive)
        return instead(self.subjects()[0], wrong, right)

    def rescue(self, positive):
        first, second = self.rng.permutation(PARTS)[:2].tolist()
        return mended(first, self.mild(not positive), second, self.mild(positive))

    def swapped(self):
        """x is dull but y is good / x is good but y is dull"""
        x, y = self.subjects()
        good, bad = self.mild(True), self.mild(False)
        link = self.one_of((but, although_first, although_last))
        return link(say(x, bad), say(y, good)), link(say(x, good), say(y, bad))

    def turned(self):
        """although x is dull , y is good / x is dull , although y is good"""
        x, y = self.subjects()
        bad, good = say(x, self.quality(False)), say(y, self.quality(True))
        return although_first(bad, good), although_last(good, bad)

    def moved_not(self):
        """x is not good but y is fresh / x is good but y is not fresh"""
        x, y = self.subjects()
        positive = self.rng.random() < 0.5
        a, b = self.mild(positive), self.mild(positive)
        negator = self.one_of(NEGATORS)
        denied = [node(neutral(negator), quality) for quality in (a, b)]
        one = but(say(x, denied[0]), say(y, b))
        two = but(say(x, a), say(y, denied[1]))
        return (one, two) if positive else (two, one)

    def corrected(self):
        """x is not dull , it is good / x is not good , it is dull"""
        x = self.subjects()[0]
        good, bad = self.adjective(True), self.adjective(False)
        return instead(x, bad, good), instead(x, good, bad)
