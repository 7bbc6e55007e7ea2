"""Real prose: that of Python's own documentation, and 300 Australian news stories."""

import re
from pydoc_data.topics import topics

from course.data.generated import held_out
from course.data.packages import package_files

LEE = "test/test_data/lee_background.cor"
PLAIN = str.maketrans("“”‘’–—", "\"\"''--")
MARKS = (  # what marks text up: pattern, and what stays of it
    (r"\s+", " "),
    (r"^ |^ ?(\*|\[\d+\]|\d\.) | $", ""),  # of a list or of a footnote
    (r"^(Added|Changed|New) in version [\d.]+[:.] ?", ""),
    (r" ?\[\d+\]", ""),
    (r"(?<![\w\"*])\*\*?(\w[^*\"]*)\*\*?(?!\w)", r"\1"),  # emphasis
    (r'["`]', ""),  # code
)
CODE = re.compile(r"[=<>|~^\\{}*`@#]|\.\.\.|--")
WORD = re.compile(r"[(']?[A-Za-z][A-Za-z'-]*[,.:;?!')]*")


def python():
    """Return paragraphs of prose in the help texts of this Python, a list of str."""
    blocks = [b for text in topics.values() for b in re.split(r"\n\s*\n", text)]
    return [text for text in map(_plain, blocks) if _is_prose(text)]


def lee():
    """Return the stories that gensim brings along, a list of str.

    Raises:
        ModuleNotFoundError: gensim is not installed.
    """
    [path] = package_files("gensim", LEE, "gensim")
    return path.read_text("utf-8").split("\n")


def _plain(block):
    """Return one paragraph on one line, without mark-up."""
    text = block.translate(PLAIN)
    for pattern, stays in MARKS:
        text = re.sub(pattern, stays, text)
    return text


def _is_prose(text):
    """Tell whether text is made of sentences and not of code, titles or tables."""
    words = text.split()
    plain = sum(bool(WORD.fullmatch(word)) for word in words)
    whole = bool(re.match("[A-Z]", text)) and text.endswith((".", ":", "?", "!"))
    return (
        whole and len(words) > 7 and plain > 0.8 * len(words) and not CODE.search(text)
    )


def split_in_two(paragraphs):
    """Return train and test, lists of paragraphs without a sentence in common.

    A tenth of the paragraphs are for the test; what train says too is cut from them.
    """
    paragraphs = [*dict.fromkeys(filter(None, paragraphs))]
    train = [p for p in paragraphs if not held_out(p, 0.1)]
    said = {s for p in train for s in sentences(p)}
    test = [
        " ".join(s for s in sentences(p) if s not in said)
        for p in paragraphs
        if held_out(p, 0.1)
    ]
    return train, [*dict.fromkeys(filter(None, test))]


def sentences(paragraph):
    """Return the sentences of a paragraph, a list of str."""
    return re.split(r"(?<=[.:?!]) (?=[A-Z\"'(])", paragraph.strip())
