"""Texts in a person's language: one catalogue file for each, in this folder.

Keys with a dot such as ``page.trials`` are the page's own texts. All other keys are templates of
`danlu.core.sentence.say`: English, so that only the other languages hold them.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from danlu.core.sentence import JOINED, Part, Sentence, filled

LANGUAGES = ("en", "zh")
COMMA: Mapping[str, str] = {"en": ", ", "zh": "、"}  # between things of a list


@cache
def messages(language: str) -> Mapping[str, str]:
    """All texts of a language by their keys.

    Raises:
        ValueError: If the language is none of `LANGUAGES`.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, not {language!r}")
    found: dict[str, str] = json.loads((files(__name__) / f"{language}.json").read_text("utf-8"))
    return found


def in_language(text: str, language: str) -> str:
    """A text in a language; what is no sentence, or is not in the catalogue, stays as it is."""
    if not isinstance(text, Sentence) or language == "en":
        return text
    template = JOINED if text.template == JOINED else messages(language).get(text.template)
    if template is None:
        return text
    values = {name: _told_part(part, language) for name, part in text.values.items()}
    return filled(template, values, COMMA[language])


def _told_part(part: Part, language: str) -> Part:
    if isinstance(part, str):
        return in_language(part, language)
    return tuple(in_language(item, language) for item in part)
