"""The language in which commands speak, and help texts in it."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

import click

from danlu.core.sentence import say
from danlu.language import LANGUAGES, in_language, messages

LANGUAGE = "danlu.language"  # key of the chosen language in what a command's context remembers
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
# What stays together: a word with the space after it, or a Chinese character with what closes it.
PIECE = re.compile(r"[ -~]+? +|[ -~]+|[^ -~][，。；：、）”》]*")
RAW = "\b\n"  # says that the lines of a paragraph are to stay as they are
PLACES = {
    "Usage: ": say("Usage: "), "Options": say("Options"), "Commands": say("Commands"),
    "Show this message and exit.": say("Show this message and exit."),
    "Show the version and exit.": say("Show the version and exit."),
    "env var: ": say("env var: "), "default: ": say("default: "),
}  # fmt: skip
"""What the library for command lines writes itself."""


def language() -> str:
    """The language that the command was asked for, or that of the environment."""
    ctx = click.get_current_context(silent=True)
    return str(ctx.meta[LANGUAGE]) if ctx and LANGUAGE in ctx.meta else usual_language()


def usual_language() -> str:
    """What the environment says, as POSIX orders its variables: Chinese, or else English."""
    given = next(filter(None, map(os.environ.get, ("DANLU_LANG", *LOCALE))), "")
    return "zh" if given.lower().startswith("zh") else "en"


def lang_option() -> click.Option:
    """What each command takes that has no use of its own for ``--lang``."""

    def speak(ctx: click.Context, _: click.Parameter, chosen: str | None) -> None:
        if chosen is not None:
            ctx.meta[LANGUAGE] = chosen

    return click.Option(
        ["--lang"], type=click.Choice(LANGUAGES), envvar="DANLU_LANG", show_envvar=True,
        is_eager=True, expose_value=False, callback=speak,
        help=say("Language of what is found and said [that of the environment]."),
    )  # fmt: skip


class Formatter(click.HelpFormatter):
    """Lays out help texts in the language of the command; texts are looked up as they stand."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or in_language(PLACES["Usage: "], language()))

    def write_heading(self, heading: str) -> None:
        super().write_heading(in_language(PLACES.get(heading, heading), language()))

    def write_text(self, text: str) -> None:
        super().write_text(self._told(text, self.width - self.current_indent))

    def write_dl(self, rows: Iterable[tuple[str, str]], *given: Any, **more: Any) -> None:
        known = list(rows)
        first = min(30, max(len(term) for term, _ in known)) + 2
        room = self.width - first - 2
        told = [(term, self._told(text, room)) for term, text in known]
        super().write_dl(told, *given, **more)

    def _told(self, text: str, room: int) -> str:
        chosen = language()
        head, gap, extra = text.partition("  [")
        found = None if chosen == "en" else messages(chosen).get(head)
        if found is None:
            return text
        for place in ("env var: ", "default: "):
            extra = extra.replace(place, in_language(PLACES[place], chosen))
        return "\n\n".join(_wrapped(p, room) for p in (found + gap + extra).split("\n\n"))


def _wrapped(paragraph: str, room: int) -> str:
    """A paragraph in lines of so many columns, of which a Chinese character takes two."""
    if paragraph.startswith(RAW):
        return paragraph
    return RAW + "\n".join(_lines(" ".join(paragraph.split("\n")), room))


def _lines(text: str, room: int) -> Iterator[str]:
    from rich.cells import cell_len

    line = ""
    for piece in PIECE.findall(text):
        if line and cell_len(line + piece.rstrip()) > room:
            yield line.rstrip()
            line = ""
        line += piece if line else piece.lstrip()
    yield line.rstrip()


class Spoken(click.Context):
    """A context whose help is in the language of the command."""

    formatter_class = Formatter
