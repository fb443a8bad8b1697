"""The line locator finds every value that tomllib finds, on its line."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from danlu.studyfile.document import KeyPath
from danlu.studyfile.toml_lines import toml_lines

TEXT = '''# a comment with [brackets] and = signs
[study]  # [not a header]
name = "digits"
"quoted key" = 1
dotted.key."with . dot" = [
  1, # one
  [2, 3],
  { a = 1, b.c = [4] },
]
text = """
[not.a.header]
key = "no key" \\"""
"""
last = \'\'\'
a = 1 \'\'quotes\'\'\'\'\'
after = 2024-01-01 00:00:00
[[runs]]
x = 1
[[runs]]
x = 2
[runs.deep]
y = "#"
[ space . "lr" ]
low=1e-5
'''


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    inner: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return {path} - {()} | {p for key, v in inner for p in paths_of(v, (*path, key))}


def test_every_kind_of_layout_gives_the_right_lines() -> None:
    lines = toml_lines(TEXT)
    assert set(lines) == paths_of(tomllib.loads(TEXT))
    assert lines["study",] == 2
    assert lines["study", "name"] == 3
    assert lines["study", "quoted key"] == 4
    assert lines["study", "dotted", "key", "with . dot"] == 5
    assert lines["study", "dotted", "key", "with . dot", 1, 1] == 7
    assert lines["study", "dotted", "key", "with . dot", 2, "b", "c", 0] == 8
    assert lines["study", "text"] == 10
    assert lines["study", "last"] == 14
    assert lines["study", "after"] == 16
    assert lines["runs", 1, "x"] == 20
    assert lines["runs", 1, "deep", "y"] == 22
    assert lines["space", "lr"] == 23
    assert lines["space", "lr", "low"] == 24


def test_windows_line_ends_count_once() -> None:
    assert toml_lines("a = 1\r\n\r\nb = [\r\n 1,\r\n]\r\n")["b", 0] == 4


KEYS = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,5}", fullmatch=True), st.text(max_size=4))
SCALARS = st.one_of(st.integers(-99, 99), st.booleans(), st.text(max_size=6), st.floats(-1, 1))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


def quoted(text: str) -> str:
    safe = "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08X}" for c in text)
    return f'"{safe}"'


def written(value: Any, newline: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"[{newline}" + "".join(f"{written(v, newline)},{newline}" for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {written(v, '')}" for k, v in value.items()) + "}"
    return repr(value)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=3), st.data())
def test_it_finds_exactly_the_values_that_tomllib_finds(
    tables: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    text = ""
    expected: dict[KeyPath, int] = {}
    for name, table in tables.items():
        text += data.draw(st.sampled_from(["", "\n", "# note ]['\"\n"]))
        expected[(name,)] = text.count("\n") + 1
        text += f"[ {quoted(name)} ]\n"
        for key, value in table.items():
            expected[name, key] = text.count("\n") + 1
            text += (
                f"{quoted(key)} = {written(value, data.draw(st.sampled_from(['', chr(10)])))}\n"
            )
    lines = toml_lines(text)
    assert set(lines) == paths_of(tomllib.loads(text))
    assert expected.items() <= lines.items()
