"""Byte-level BPE: merges of bytes, so that no text has an unknown character.

Paper: Radford, Wu, Child, Luan, Amodei and Sutskever, "Language Models are Unsupervised
       Multitask Learners", 2019 (GPT-2).
Link:  https://openai.com/index/better-language-models/ (section 2.2)

Learning and joining are those of byte_pair_encoding.py. What differs: first symbols are
the 256 bytes of UTF-8, a space belongs to the word BEHIND it, and nothing is lost, not
even runs of spaces.
"""

import re
from collections import Counter

from modules.nlp.translation.byte_pair_encoding import join, learn, ranks

ENGLISH = "'s|'t|'re|'ve|'m|'ll|'d"
PIECES = re.compile(rf"{ENGLISH}| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def byte_characters():
    """Return a printable character for each byte, a str of 256.

    Bytes that are printable in Latin-1 stand for themselves, the other 68 get the
    characters from 256 on, in order: a space is "Ġ".

    Example:
        >>> byte_characters()[ord(" ")], byte_characters()[ord("a")], ord("Ġ")
        ('Ġ', 'a', 288)
    """
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    other = iter(range(256, 512))
    return "".join(chr(b) if b in shown else chr(next(other)) for b in range(256))


CHARACTERS = byte_characters()
BYTES = {character: byte for byte, character in enumerate(CHARACTERS)}


def symbols(word):
    """Return the bytes of a word, as characters.

    Example:
        >>> symbols(" é")
        ('Ġ', 'Ã', '©')
    """
    return tuple(CHARACTERS[byte] for byte in word.encode("utf-8"))


def pieces(text):
    """Return the words of a text, each with the space before it; joined they are it.

    Merges never cross them: letters, digits, and other marks are kept apart, so that
    "dog." and "dog!" do not become tokens of their own. The paper's code asks Unicode
    what a letter or a number is; Python's own \\w is the same but for rare marks.

    Example:
        >>> pieces("a dog's  2 bones!")
        ['a', ' dog', "'s", ' ', ' 2', ' bones', '!']
    """
    return PIECES.findall(text)


class ByteLevelBPE:
    """A tokenizer that is learned from a text, and reads and writes any other.

    The vocabulary is 256 bytes, then one token for each merge, in their order, then the
    end of text: 256 + 50,000 + 1 = 50,257 in GPT-2. (Its own file has the bytes in
    another order.)

    Args:
        merges: list of pairs of str, as `learned` gives them.
        offset: int >= 0, the number of the first byte: tokens below are for others,
            such as padding.

    Raises:
        ValueError: offset is below 0.

    Example:
        >>> tokenizer = ByteLevelBPE.learned(["low lower lowest"], num_merges=3)
        >>> tokenizer.encode("slow 🐦")[:2], len(tokenizer)
        ([115, 257], 260)
        >>> tokenizer.decode(tokenizer.encode("slow  🐦"))
        'slow  🐦'
    """

    def __init__(self, merges, offset=0):
        if not offset >= 0:
            raise ValueError(f"offset must be >= 0, got {offset!r}")
        self.merges = list(merges)
        self.rank = ranks(self.merges)
        self.texts = [*CHARACTERS, *(a + b for a, b in self.merges)]
        self.offset = offset
        self.end = offset + len(self.texts)
        numbered = reversed(list(enumerate(self.texts, offset)))
        self.number = {text: number for number, text in numbered}
        self.known = {}  # words that were cut before

    @classmethod
    def learned(cls, texts, num_merges, offset=0):
        """Return a tokenizer with merges of texts, a list of str."""
        counts = Counter(piece for text in texts for piece in pieces(text))
        return cls(learn(counts, num_merges, symbols), offset)

    def __len__(self):
        return self.end + 1

    def encode(self, text):
        """Return a list of int, none for an empty text."""
        found = []
        for piece in pieces(text):
            if piece not in self.known:
                tokens = join(symbols(piece), self.rank)
                self.known[piece] = [self.number[token] for token in tokens]
            found += self.known[piece]
        return found

    def decode(self, tokens):
        """Return the text of tokens; the end of text and those below offset are left
        out, and bytes that are no UTF-8 become "�".
        """
        inner = (int(t) - self.offset for t in tokens)
        texts = (self.texts[t] for t in inner if 0 <= t < len(self.texts))
        data = bytes(BYTES[c] for text in texts for c in text)
        return data.decode("utf-8", errors="replace")
