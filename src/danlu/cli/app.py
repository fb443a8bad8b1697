"""The group of commands, and how their errors reach the person."""

import contextlib
import io
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from danlu import __version__
from danlu.cli.speech import Spoken, lang_option, language
from danlu.core.sentence import Sentence, say
from danlu.errors import DanluError
from danlu.language import in_language

COMMANDS = {
    "run": say("Run a study, or go on with it: the same command again resumes."),
    "check": say("Check data, model and training loop before the first trial."),
    "lint": say("Say what is wrong or unusual in the space of a study file."),
    "ls": say("List the studies of this folder."),
    "show": say("Show a study: its trials, best first, and what was found."),
    "why": say("Say why: stages, log-book and findings, or one trial's decisions."),
    "best": say("Show the best config, to read or to use."),
    "serve": say("Watch studies live in the browser."),
    "train": say("Train the best config of the training kit on all data, and save the model."),
    "predict": say("Predict new data with a saved model."),
    "report": say("Write a report that opens in any browser."),
    "export": say("Write trials and epochs as CSV, JSON or Parquet."),
    "stop": say("Ask a running study to stop, or one of its trials."),
    "pause": say("Ask a running study to begin no more trials for now."),
    "resume": say("Ask a paused study to go on."),
    "extend": say("Give a running study more budget."),
    "enqueue": say("Have a config of one's own tried next."),
    "pin": say("Keep a trial in sight."),
    "note": say("Write a note on a study or a trial."),
    "rm": say("Remove a study and all that was recorded of it."),
}
ERROR = say("Error: ")
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


class Misuse(click.UsageError):
    """A command that was not given what it takes: its usage and the mistake on stderr."""

    @classmethod
    def of(cls, error: click.UsageError) -> "Misuse":
        """The same, in the language of the command where that is a sentence."""
        plain = in_language(error.message, language())
        if isinstance(error, click.NoSuchOption):
            unknown = say("there is no option {name}.", name=error.option_name)
            plain = in_language(unknown, language())
        elif not isinstance(error.message, Sentence):
            plain = error.format_message()
        return cls(plain, error.ctx)

    def show(self, file: Any = None) -> None:
        out = file or sys.stderr
        if self.ctx is not None:
            click.echo(self.ctx.get_usage(), file=out)
            told = say("`{command} --help` tells more.", command=self.ctx.command_path)
            click.echo(f"{in_language(told, language())}\n", file=out)
        click.echo(f"{in_language(ERROR, language())}{self.message}", file=out)


class Commands(click.Group):
    """Commands that are imported when they are called."""

    context_class = Spoken

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
        command.context_class = Spoken
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
            raise Misuse.of(error) from error
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
@click.option("--debug", is_flag=True, help=say("Show where an error comes from."))
@click.version_option(__version__, message="danlu %(version)s")
def group(debug: bool) -> None:
    """Tune deep networks the way an experienced practitioner does.

    Studies are kept in the folder .danlu of the working folder; --store says otherwise. Without
    a name, commands take the newest study.
    """


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that has no ▁▂▃ shows a "?"
            with contextlib.suppress(ValueError):
                stream.reconfigure(errors="replace")
    group.main(prog_name="danlu")
