"""On which line of a TOML document each value stands.

`tomllib` gives values without positions, so this reads the text a second time, for its layout
only: headers, keys, and where values begin and end. The text must be valid TOML 1.0.
"""

import re
import tomllib
from bisect import bisect_right

from danlu.studyfile.document import KeyPath

BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
SPACE = re.compile(r"[ \t]*")
DOT = re.compile(r"[ \t]*\.[ \t]*")
STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'  # up to two quotes may stand before the closing three
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
BARE = re.compile(r"[A-Za-z0-9_-]+")
SCALAR = re.compile(r"[^,\]}#\n]+")


def toml_lines(text: str) -> dict[KeyPath, int]:
    """Path of keys and indices → line (from 1) of each key, header and list item."""
    return _Layout(text).read()


class _Layout:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.ends = [i for i, char in enumerate(text) if char == "\n"]
        self.lines: dict[KeyPath, int] = {}
        self.counts: dict[KeyPath, int] = {}  # of tables in each list of tables

    def read(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self.skip(BLANK)
        while self.at < len(self.text):
            table = self.header() if self.text[self.at] == "[" else self.pair(table)
            self.skip(BLANK)
        return self.lines

    def header(self) -> KeyPath:
        """``[a.b]`` or ``[[a.b]]``; the path of the table that begins."""
        many = self.text.startswith("[[", self.at)
        self.at += 1 + many
        line = self.line()
        path: KeyPath = ()
        *parents, last = self.keys()
        for key in parents:
            path = self.newest((*path, key))
            self.lines.setdefault(path, line)
        path = (*path, last)
        if many:
            self.counts[path] = self.counts.get(path, 0) + 1
            self.lines.setdefault(path, line)
        path = self.newest(path)
        self.lines.setdefault(path, line)
        self.at += 1 + many
        return path

    def newest(self, path: KeyPath) -> KeyPath:
        """The path into the last table of a list of tables."""
        return (*path, self.counts[path] - 1) if path in self.counts else path

    def pair(self, table: KeyPath) -> KeyPath:
        """``key = value``; returns the table it stands in."""
        line, path = self.line(), table
        for key in self.keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self.skip(SPACE)
        self.value(path)
        return table

    def value(self, path: KeyPath) -> None:
        first = self.text[self.at]
        if first == "[":
            self.array(path)
        elif first == "{":
            self.inline_table(path)
        elif first in "\"'":
            self.skip(STRING)
        else:
            self.skip(SCALAR)

    def array(self, path: KeyPath) -> None:
        index = 0
        while not self.closes("]"):
            self.lines[*path, index] = self.line()
            self.value((*path, index))
            index += 1

    def inline_table(self, path: KeyPath) -> None:
        while not self.closes("}"):
            self.pair(path)

    def closes(self, bracket: str) -> bool:
        """Step over an opening bracket or comma; whether the closing bracket follows."""
        self.skip(BLANK)
        if self.text[self.at] in "[{,":
            self.at += 1
            self.skip(BLANK)
        if self.text[self.at] != bracket:
            return False
        self.at += 1
        return True

    def keys(self) -> list[str]:
        """A dotted key; leaves the position at what follows it."""
        self.skip(SPACE)
        parts = [self.key()]
        while DOT.match(self.text, self.at):
            self.skip(DOT)
            parts.append(self.key())
        self.skip(SPACE)
        return parts

    def key(self) -> str:
        quoted = self.text[self.at] in "\"'"
        raw = self.skip(STRING if quoted else BARE)
        return next(iter(tomllib.loads(f"{raw} = 0"))) if quoted else raw

    def line(self) -> int:
        return bisect_right(self.ends, self.at - 1) + 1

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Go past what matches here, and return it."""
        match = pattern.match(self.text, self.at)
        assert match, "only valid TOML is read"
        self.at = match.end()
        return match[0]
