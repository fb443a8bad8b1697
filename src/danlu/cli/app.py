"""The group of commands, and how their errors reach the person."""

import contextlib
import io
import os
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from danlu import __version__
from danlu.core.sentence import say
from danlu.errors import DanluError
from danlu.language import LANGUAGES, in_language

COMMANDS = {
    "run": "Run a study, or go on with it: the same command again resumes.",
    "check": "Check data, model and training loop before the first trial.",
    "lint": "Say what is wrong or unusual in the space of a study file.",
    "ls": "List the studies of this folder.",
    "show": "Show a study: its trials, best first, and what was found.",
    "why": "Say why: stages, log-book and findings, or one trial's decisions.",
    "best": "Show the best config, to read or to use.",
    "serve": "Watch studies live in the browser.",
    "train": "Train the best config of the training kit on all data, and save the model.",
    "predict": "Predict new data with a saved model.",
    "report": "Write a report that opens in any browser.",
    "export": "Write trials and epochs as CSV, JSON or Parquet.",
    "stop": "Ask a running study to stop, or one of its trials.",
    "pause": "Ask a running study to begin no more trials for now.",
    "resume": "Ask a paused study to go on.",
    "extend": "Give a running study more budget.",
    "enqueue": "Have a config of one's own tried next.",
    "pin": "Keep a trial in sight.",
    "note": "Write a note on a study or a trial.",
    "rm": "Remove a study and all that was recorded of it.",
}
LANGUAGE = "danlu.language"  # key of the chosen language in what a command's context remembers
ERROR = say("Error: ")
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Refusal(click.ClickException):
    """An error for the person: its message on stderr, and exit code 1."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.head = in_language(ERROR, language())  # later no command is there to ask

    @classmethod
    def of(cls, error: DanluError) -> "Refusal":
        """The refusal that an error of danlu comes to, with every mistake on its line."""
        problems: tuple[str, ...] = getattr(error, "problems", ())
        told = [in_language(text, language()) for text in problems or (error.told,)]
        if len(told) < 2:
            return cls(told[0])
        head = in_language(say("{count} mistakes", count=len(told)), language())
        return cls("\n  ".join([head, *told]))

    def show(self, file: Any = None) -> None:
        click.echo(f"{self.head}{self.message}", file=file or sys.stderr)


class Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            close = get_close_matches(cmd_name, COMMANDS, n=1)
            hint = say(" Did you mean '{name}'?", name=close[0]) if close else ""
            raise click.UsageError(say(
                "there is no command '{name}'.{hint} `danlu --help` lists them.",
                name=cmd_name, hint=hint,
            ), ctx)  # fmt: skip
        command: click.Command = import_module(f"danlu.cli.{cmd_name}").command
        if not any(p.name == "lang" for p in command.params):
            command.params.append(lang_option())
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DanluError as error:
            self._show_trace(ctx)
            raise Refusal.of(error) from error
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except click.UsageError as error:
            raise click.UsageError(in_language(error.message, language()), error.ctx) from error
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            self._show_trace(ctx)
            text = str(error).strip().partition("\n")[0]
            unknown = say(
                "{kind}: {text} (an error that danlu does not know; `danlu --debug …` "
                "shows where it comes from)",
                kind=type(error).__name__, text=text,
            )  # fmt: skip
            raise Refusal(in_language(unknown, language())) from error

    def _show_trace(self, ctx: click.Context) -> None:
        if ctx.params.get("debug"):
            traceback.print_exc()


@click.command(
    cls=Commands, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.version_option(__version__, message="danlu %(version)s")
def group(debug: bool) -> None:
    """Tune deep networks the way an experienced practitioner does.

    Studies are kept in the folder .danlu of the working folder; --store says otherwise. Without
    a name, commands take the newest study.
    """


def lang_option() -> click.Option:
    """What each command takes that has no use of its own for ``--lang``."""

    def speak(ctx: click.Context, _: click.Parameter, chosen: str | None) -> None:
        if chosen is not None:
            ctx.meta[LANGUAGE] = chosen

    return click.Option(
        ["--lang"], type=click.Choice(LANGUAGES), envvar="DANLU_LANG", show_envvar=True,
        is_eager=True, expose_value=False, callback=speak,
        help="Language of what is found and said [that of the environment].",
    )  # fmt: skip


def language() -> str:
    """The language that the command was asked for, or that of the environment."""
    ctx = click.get_current_context(silent=True)
    return str(ctx.meta[LANGUAGE]) if ctx and LANGUAGE in ctx.meta else usual_language()


def usual_language() -> str:
    """What the environment says, as POSIX orders its variables: Chinese, or else English."""
    given = next(filter(None, map(os.environ.get, ("DANLU_LANG", *LOCALE))), "")
    return "zh" if given.lower().startswith("zh") else "en"


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that has no ▁▂▃ shows a "?"
            with contextlib.suppress(ValueError):
                stream.reconfigure(errors="replace")
    group.main(prog_name="danlu")
