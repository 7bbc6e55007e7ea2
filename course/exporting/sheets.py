"""A sheet of the instructor's, filled in place: every other byte stays as it was.

Sheets of Canvas and Moodle come with quotes, line breaks in cells, a mark at the start,
localised headers, commas or semicolons. A cell is found by its bytes and replaced.
"""

import re
from dataclasses import dataclass

from course.cli import UsageError

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute these


@dataclass(frozen=True)
class Cell:
    """What a cell says, and where its bytes are."""

    text: str
    start: int
    end: int


class Sheet:
    """A CSV file.

    Args:
        content: bytes, UTF-8 with or without a mark, or UTF-16 with one.
        name: what errors call it.

    Raises:
        UsageError: it is no CSV file with a header.
    """

    def __init__(self, content, name):
        self.name = name
        self.encoding = encoding_of(content)
        try:
            self.text = content.decode(self.encoding)
        except UnicodeDecodeError:
            self.encoding = "cp1252"  # what Excel writes in Western Europe
            self.text = content.decode(self.encoding, "surrogateescape")
        header = self.text.split("\n", 1)[0]
        self.comma = max(",;\t", key=header.count)
        self.rows = list(self.parsed())
        if len(self.rows) < 2 or len(self.rows[0]) < 2:
            raise UsageError(f"{name} is no CSV file with a header and rows")
        self.header = [cell.text.strip().lstrip("\ufeff") for cell in self.rows[0]]
        self.changes = []

    def parsed(self):
        """Yield rows of Cells, as RFC 4180 has them."""
        pattern = re.compile(
            rf'(?P<cell>"(?:[^"]|"")*"?[^{self.comma}\r\n]*|[^{self.comma}\r\n]*)'
            rf"(?P<end>{self.comma}|\r\n|\n|\r|$)"
        )
        at, row = (1 if self.text[:1] == "\ufeff" else 0), []
        while at < len(self.text):
            found = pattern.match(self.text, at)
            raw = found["cell"]
            plain = raw
            if raw.startswith('"'):
                plain = raw[1:].removesuffix('"').replace('""', '"')
            row.append(Cell(plain, found.start("cell"), found.end("cell")))
            at = found.end()
            if found["end"] != self.comma:
                yield row
                row = []
        if row:
            yield [*row, Cell("", at, at)]

    def column(self, name):
        """Return the index of a column.

        Raises:
            UsageError: there is none, or several.
        """
        wanted = [i for i, text in enumerate(self.header) if text == name]
        if len(wanted) != 1:
            count = "no column" if not wanted else "two columns"
            there = ", ".join(self.header)
            raise UsageError(f"{self.name} has {count} {name}; there are: {there}")
        return wanted[0]

    def find(self, *names):
        """Return the index of the first of these columns that is there, or None."""
        known = [name for name in names if name in self.header]
        return self.header.index(known[0]) if known else None

    def put(self, row, column, text):
        """Change a cell."""
        cell = row[column]
        if cell.text != text:
            self.changes.append((cell.start, cell.end, quoted(text, self.comma)))

    def content(self):
        """Return the bytes of the sheet with its changes."""
        text = self.text
        for start, end, new in sorted(self.changes, reverse=True):
            text = text[:start] + new + text[end:]
        return text.encode(self.encoding, "surrogateescape")


def encoding_of(content):
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16-le" if content[0] == 0xFF else "utf-16-be"
    return "utf-8"


def harmless(text):
    """Return text that a spreadsheet shows instead of computing it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def quoted(text, comma=","):
    if any(mark in text for mark in (comma, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


def number(value, like=""):
    """Return points as text, with the decimal comma where the sheet uses one."""
    text = f"{round(value, 2):.12g}"
    return text.replace(".", ",") if "," in like else text
