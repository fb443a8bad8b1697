"""Files to documents: TOML by the standard library, YAML 1.2 by ruamel.yaml."""

import re
import tomllib
from pathlib import Path
from typing import Any

from danlu.core.sentence import say
from danlu.core.system import reason_of
from danlu.errors import StudyFileError
from danlu.studyfile.document import Document, KeyPath
from danlu.studyfile.toml_lines import toml_lines

LARGEST = 1 << 20  # bytes; a study file is written by hand
MOST_NODES = 100_000  # values of a YAML file with its aliases written out
DEEPEST = 50  # levels of lists and tables
SUFFIXES = (".toml", ".yaml", ".yml")


def read_document(path: Path) -> Document:
    """The content of a study file, whatever it means.

    Raises:
        StudyFileError: If it cannot be read, is too large, or is no TOML or YAML.
    """
    document = Document(str(path))
    text = _text(path)
    try:
        read = _read_toml if path.suffix == ".toml" else _read_yaml
        read(document, text)
    except RecursionError:
        document.mistake_at(1, say("the lists and tables in it are nested too deeply."))
    if not document.sound:
        document.refuse()
    return document


def _text(path: Path) -> str:
    if path.suffix not in SUFFIXES:
        raise StudyFileError(
            say("{path}: a study file must end in .toml, .yaml or .yml.", path=path)
        )
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise StudyFileError(say("{path}: there is no such file.", path=path)) from None
    except OSError as error:
        raise StudyFileError(
            say("{path}: the file cannot be read: {reason}.", path=path, reason=reason_of(error))
        ) from None
    if len(data) > LARGEST:
        raise StudyFileError(
            say("{path}: a study file may hold 1 MiB at most, but this is larger.", path=path)
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StudyFileError(
            say("{path}:{line}: the file must be UTF-8 text, but is not.", path=path, line=line)
        ) from None


def _read_toml(document: Document, text: str) -> None:
    try:
        document.data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        reason = str(error)[: found.start()] if found else str(error)
        if "character for a key part" in reason:
            reason += say(" (a table in braces must stand on one line)")
        document.mistake_at(line, say("this is no valid TOML: {reason}.", reason=reason))
    except ValueError as error:  # such as a number of more than 4,300 digits
        document.mistake_at(1, say("this is no valid TOML: {error}.", error=error))
    else:
        document.lines = toml_lines(text)


def _read_yaml(document: Document, text: str) -> None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    try:
        lines = _yaml_lines(yaml.compose(text))
        if lines is None:
            document.mistake_at(
                1, say("it is too large or too deep once its aliases are written out.")
            )
            return
        data = yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        document.mistake_at(
            line, say("this is no valid YAML: {value}.", value=error.problem or error.context)
        )
    except (YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        document.mistake_at(1, say("this is no valid YAML: {reason}.", reason=reason))
    else:
        if isinstance(data, dict):
            document.data, document.lines = data, lines
        else:
            document.mistake_at(
                1, say("a study file must hold sections such as study: and space:.")
            )


def _yaml_lines(root: Any) -> dict[KeyPath, int] | None:
    """Path → line of every node; None when aliases make too many of them, or endlessly many."""
    lines: dict[KeyPath, int] = {}
    waiting: list[tuple[KeyPath, Any]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        if len(path) > DEEPEST or len(lines) + len(waiting) > MOST_NODES:
            return None
        for key, mark, child in _yaml_children(node):
            lines.setdefault((*path, key), mark.line + 1)
            waiting.append(((*path, key), child))
    return lines


def _yaml_children(node: Any) -> list[tuple[str | int, Any, Any]]:
    """(key or index, its position, the node there) of a mapping or sequence."""
    kind = getattr(node, "id", "")
    if kind == "mapping":
        return [(str(key.value), key.start_mark, child) for key, child in node.value]
    if kind == "sequence":
        return [(i, child.start_mark, child) for i, child in enumerate(node.value)]
    return []
