"""The page's catalogues: one file for each language, none of which lacks a message."""

import json
import re
from pathlib import Path

import pytest

from danlu.reporting.html import LANGUAGES

UI = Path(__file__).parents[2] / "web" / "ui" / "src"
CATALOGUES = {
    name: json.loads((UI / "language" / f"{name}.json").read_text("utf-8")) for name in LANGUAGES
}
KEY = re.compile(r"\b(?:t|say)\((?:[^()\"`]*\?\s*)?\"([a-z_]+(?:\.[a-z_ ]+)?)\"")


@pytest.mark.parametrize("name", LANGUAGES)
def test_no_language_lacks_a_message_or_has_one_too_many(name: str) -> None:
    assert list(CATALOGUES[name]) == list(CATALOGUES["en"])
    assert all(text.strip() for text in CATALOGUES[name].values())


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_translation_takes_the_same_values(name: str) -> None:
    for key, text in CATALOGUES["en"].items():
        wanted = set(re.findall(r"\{\d\}", text))
        assert set(re.findall(r"\{\d\}", CATALOGUES[name][key])) == wanted, key


def test_every_message_that_the_page_asks_for_is_there() -> None:
    asked = {key for path in UI.rglob("*.ts*") for key in KEY.findall(path.read_text("utf-8"))}
    assert len(asked) > 150
    assert asked <= set(CATALOGUES["en"])


def test_every_state_and_wish_has_a_word() -> None:
    from danlu.core.record import OPEN
    from danlu.core.request import VERBS

    states = {*OPEN, "finished", "stopped", "failed", "done", "interrupted", "hopeless", "killed"}
    for language in CATALOGUES.values():
        assert {f"state.{s}" for s in states} <= set(language)
        assert {f"verb.{v}" for v in VERBS} <= set(language)
