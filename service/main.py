"""The root of the command line: it gathers the rooms' commands and turns errors into words and exit codes.

Exit codes: 0 done, 1 a bug, 2 the user's mistake or nothing to export, 3 done with rejects under --strict.
Nothing heavy is imported here; each command imports what it needs, so that --help answers at once.
"""

import os
import sys
import threading
import traceback
from types import TracebackType
from typing import Annotated

import typer

import curate.cli
import curate.evaluation.cli
import curate.teaching.cli
import export.cli
import export.evaluate.cli
import export.submit.cli
import ingest.cli
import ingest.pull.cli
import service.cli
import service.trainer.cli
import service.web.cli
import store.cli
from store.errors import ChatmillError, UsageError

BUG, MISTAKE, INTERRUPTED = 1, 2, 130


class Misused(UsageError):
    """Say that the command line has an unknown command or option, or lacks something."""

    code = "CLI-100"


app = typer.Typer(
    name="chatmill",
    help="Turn raw support transcripts into fine-tuning data that is clean, private, balanced and traceable.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    # Locals in a traceback would show conversation text (promise 3); our own handler below shows none at all.
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

START, DATA, TOOLS = "Start here", "Step by step", "Filters and tools"
app.command(rich_help_panel=START)(store.cli.init)
app.command(rich_help_panel=START)(service.cli.run)
app.command(rich_help_panel=START)(service.web.cli.serve)
app.command(rich_help_panel=DATA)(ingest.cli.ingest)
app.command(rich_help_panel=DATA)(ingest.pull.cli.pull)
app.command(rich_help_panel=DATA)(curate.cli.curate)
app.command(rich_help_panel=DATA)(curate.cli.report)
app.command(rich_help_panel=DATA)(curate.evaluation.cli.audit)
app.command(rich_help_panel=DATA)(export.cli.export)
app.command(rich_help_panel=DATA)(export.cli.explain)
app.command(rich_help_panel=DATA)(export.cli.preflight)
app.command("sign-off", rich_help_panel=DATA)(export.cli.sign_off)
app.command(rich_help_panel=DATA)(export.submit.cli.submit)
export.submit.cli.jobs.command("compare")(export.evaluate.cli.compare)
app.add_typer(export.submit.cli.jobs, rich_help_panel=DATA)
app.command(rich_help_panel=DATA)(export.submit.cli.sweep)
app.command(rich_help_panel=DATA)(service.trainer.cli.trainer)
app.command(rich_help_panel=DATA)(service.trainer.cli.chat)
app.command(rich_help_panel=TOOLS)(curate.cli.redact)
app.command(rich_help_panel=TOOLS)(curate.cli.language)
app.command(rich_help_panel=TOOLS)(curate.cli.duplicates)
app.add_typer(curate.cli.rules, rich_help_panel=TOOLS)
curate.evaluation.cli.evaluate.command("models")(export.evaluate.cli.models)
app.add_typer(
    curate.evaluation.cli.evaluate,
    cls=export.evaluate.cli.ModelsByDefault,
    help="Compare two models on held-out conversations (the command `models` need not be named), or measure redaction.",
    rich_help_panel=TOOLS,
)
app.add_typer(curate.teaching.cli.model, rich_help_panel=TOOLS)
app.command(rich_help_panel=TOOLS)(store.cli.backup)
app.command(rich_help_panel=TOOLS)(store.cli.restore)
app.command(rich_help_panel=TOOLS)(service.cli.doctor)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    """Hold what stands before a command."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"chatmill {installed('chatmill')}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.excepthook = _quiet
    threading.excepthook = lambda args: _quiet(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _quiet(args.exc_type, args.exc_value, args.exc_traceback)
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(_run(given))


def _run(arguments: list[str]) -> int:
    from store.console import Console

    try:
        return app(args=arguments, standalone_mode=False) or 0
    except ChatmillError as error:
        Console(json="--json" in arguments).error(error)
        return MISTAKE if isinstance(error, UsageError) else BUG
    except typer.TyperException as error:
        return _misused(error, arguments)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("Stopped. The same command goes on where it was.\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; writing the rest at exit would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last stop before a traceback that could show conversation text
        _quiet(type(error), error, error.__traceback__)
        return BUG


def _misused(error: typer.TyperException, arguments: list[str]) -> int:
    """Say what is wrong with the command line itself, unless it only asked for help by giving nothing."""
    from store.console import Console

    if error.format_message():
        Console(json="--json" in arguments).error(Misused(error.format_message(), hint="Add --help to the command."))
    return MISTAKE


def _quiet(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Show where a bug struck, but neither the exception's words nor any value: both may hold conversation text."""
    del error
    lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]
    sys.stderr.write(f"chatmill broke: {kind.__name__}\n" + "\n".join(lines) + "\n")
    sys.stderr.write("This is a bug; the store is as it was before the last step. Please report these lines.\n")


if __name__ == "__main__":
    main()
