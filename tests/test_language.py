"""The catalogues: one file for each language, and no message that one of them lacks."""

import ast
import json
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from danlu.core.sentence import FIELD, listed, say
from danlu.language import LANGUAGES, in_language, messages

ROOT = Path(__file__).parents[1]
UI, SOURCE = ROOT / "web" / "ui" / "src", ROOT / "src" / "danlu"
KEY = re.compile(r"\b(?:t|say)\((?:[^()\"`]*\?\s*)?\"([a-z_]+(?:\.[a-z_ ]+)?)\"")
OTHERS = [name for name in LANGUAGES if name != "en"]


def of_page(language: str) -> dict[str, str]:
    return {k: v for k, v in messages(language).items() if k in messages("en")}


def templates(folder: Path = SOURCE) -> Iterator[str]:
    """Every template that `say` is called with in a folder, without formats."""
    for path in folder.rglob("*.py"):
        text = path.read_text("utf-8")
        if "danlu.core.sentence import" not in text and path.name != "sentence.py":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
                said = node.args[0]
                if isinstance(said, ast.Constant):
                    yield FIELD.sub(r"{\1}", str(said.value))
                else:  # what the catalogue of parameters says of each role
                    assert path.name == "roles.py", path
    if folder == SOURCE:
        yield from helps()
        written = (SOURCE / "catalogue" / "catalogue.toml").read_text("utf-8")
        yield from _texts_of(tomllib.loads(written))


def helps() -> Iterator[str]:
    """What commands say of themselves with ``--help``: their docstrings."""
    for path in (SOURCE / "cli").glob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name in ("command", "group"):
                yield ast.get_docstring(node) or ""


def _texts_of(table: dict[str, Any]) -> Iterator[str]:
    for role in table["roles"].values():
        for known in (role, *role.get("optimizers", {}).values()):
            yield from (known[key] for key in ("about", "note") if key in known)


def test_no_language_lacks_a_message_or_has_one_too_many() -> None:
    wanted = {*messages("en"), *templates()}
    assert len(wanted) > 700
    for name in OTHERS:
        assert wanted - set(messages(name)) == set()
        assert set(messages(name)) - wanted == set()
        assert all(text.strip() for text in messages(name).values())


@pytest.mark.parametrize("name", OTHERS)
def test_a_translation_takes_the_same_values(name: str) -> None:
    for key, text in messages(name).items():
        wanted = set(FIELD.findall(messages("en").get(key, key)))
        assert set(FIELD.findall(text)) == wanted, key


def test_a_key_stands_once() -> None:
    for name in LANGUAGES:
        pairs = json.loads(
            (SOURCE / "language" / f"{name}.json").read_text("utf-8"), object_pairs_hook=list
        )
        assert len(pairs) == len(dict(pairs))


def test_every_message_that_the_page_asks_for_is_there() -> None:
    asked = {key for path in UI.rglob("*.ts*") for key in KEY.findall(path.read_text("utf-8"))}
    assert len(asked) > 150
    assert asked <= set(messages("en"))


def test_the_page_carries_every_text_that_it_may_tell() -> None:
    def plain(text: str) -> str:
        return re.sub(r"\\n|[\\\n\"`]", "", text)

    scripts = runpy.run_path(str(ROOT / "scripts" / "page_texts.py"))
    texts: dict[str, str] = scripts["for_page"]()
    script = plain((SOURCE / "reporting" / "page" / "dashboard.js").read_text("utf-8"))
    assert [key for key, text in texts.items() if plain(text) not in script] == []
    told = set(templates(SOURCE / "diagnosis"))
    assert len(told) > 100
    assert told - set(texts) == set()


def test_every_state_and_wish_has_a_word() -> None:
    from danlu.core.record import OPEN
    from danlu.core.request import VERBS

    states = {*OPEN, "finished", "stopped", "failed", "done", "interrupted", "hopeless", "killed"}
    assert {f"state.{s}" for s in states} <= set(messages("en"))
    assert {f"verb.{v}" for v in VERBS} <= set(messages("en"))


def test_a_sentence_is_told_with_its_parts() -> None:
    said = say("Use the config of trial {number}", number=7) + say(
        ": it is cheaper than trial {number}, and no worse beyond the noise", number=3
    )
    assert in_language(said, "zh") == "使用试验 7 的配置：它比试验 3 更省，且差别不超出噪声"
    assert in_language(said, "en") == str(said)
    assert in_language(listed([say("low"), say("high")]), "zh") == "低、高"


def test_what_no_catalogue_has_stays_english() -> None:
    assert in_language("plain text", "zh") == "plain text"
    assert in_language(say("never said {n}", n=1), "zh") == "never said 1"


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="'fr'"):
        messages("fr")


# Raised to programs, not to people; and those of training code, which are told as they are.
OF_PROGRAMS = ("AttributeError", "AssertionError", "NotImplementedError", "ValueError",
               "TypeError",
               "LinAlgError", "PermissionError", "ReportError")  # fmt: skip


def is_plain_text(node: ast.AST) -> bool:
    """Whether an expression is English text of several words that remembers no template."""
    if isinstance(node, ast.BinOp):
        return is_plain_text(node.left) or is_plain_text(node.right)
    if isinstance(node, ast.IfExp):
        return is_plain_text(node.body) or is_plain_text(node.orelse)
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [str(p.value) for p in parts if isinstance(p, ast.Constant) and p.value is not None]
    return len(re.findall(r"[A-Za-z]{2,}", " ".join(texts))) > 2


def test_errors_for_people_are_sentences_that_every_language_can_tell() -> None:
    plain = []
    for path in SOURCE.rglob("*.py"):
        if path.parent.name == "worker":
            continue  # of training code
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                continue
            name = getattr(node.exc.func, "id", getattr(node.exc.func, "attr", ""))
            if name not in OF_PROGRAMS and any(map(is_plain_text, node.exc.args)):
                plain.append(f"{path.relative_to(SOURCE)}:{node.lineno}: {name}")
    assert plain == []
