"""The command ``aitia``: its commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import typer

from aitia import __version__
from aitia.cli._exit import Exit, Stopped
from aitia.cli._interrupts import came, deaf_at_exit, heard, leave_soon
from aitia.core import AitiaError

app = typer.Typer(
    name="aitia",
    help="Causal effects with the ledger of assumptions they stand on.",
    epilog=(
        "Exit codes: 0 answered, 1 a defect in aitia, 2 bad input or usage, 3 not identified, "
        "4 something tested broke (with --strict), 5 the report could not be written, 130 interrupted."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"aitia {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code.

    Args:
        arguments: the arguments after the program's name; None takes the process's own.
    """
    with heard():
        code = run(sys.argv[1:] if arguments is None else list(arguments))
    if code == Exit.INTERRUPTED:
        leave_soon(code)
    deaf_at_exit()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code (see `Exit`).

    With ``--json`` among the arguments every error is one JSON object on standard output,
    ``{"error": {"type", "problem", "next_step"}}``; without it, a message on standard error.

    Args:
        arguments: the arguments after the program's name.
    """
    import aitia.cli._commands  # noqa: F401  (registers the commands)

    as_json = "--json" in arguments
    usage_error = typer.BadParameter.__mro__[2]  # ClickException, from whichever copy of Click Typer uses
    try:
        code = typer.main.get_command(app).main(list(arguments), prog_name="aitia", standalone_mode=False)
        sys.stdout.flush()
    except typer.Exit as leaving:
        code = leaving.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = Exit.INTERRUPTED
    except Stopped:
        sys.stdout.flush()
        return int(Exit.INTERRUPTED)
    except AitiaError as error:
        if came() and error.exit_code != Exit.NOT_WRITTEN:
            return _say_stopped(as_json)
        _say_error(type(error).__name__, error.problem, error.next_step, as_json)
        return int(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone (`aitia ... | head`): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.ANSWERED
    except Exception as error:
        if came():  # libraries below us turn Ctrl-C into errors of their own: "Query interrupted"
            return _say_stopped(as_json)
        if isinstance(error, usage_error):
            if type(error).__name__ == "NoArgsIsHelpError":
                print(error.format_message())  # type: ignore[attr-defined]
                return Exit.BAD_INPUT
            context = getattr(error, "ctx", None)
            command = context.command_path if context is not None else "aitia"
            message = error.format_message()  # type: ignore[attr-defined]
            _say_error("UsageError", message, f"Try: {command} --help", as_json)
            return Exit.BAD_INPUT
        if os.environ.get("AITIA_TRACEBACK"):
            raise
        _say_error(
            "InternalError",
            f"aitia failed inside: {type(error).__name__}: {error}",
            "This is a defect in aitia. Set AITIA_TRACEBACK=1 to see where, and please report it.",
            as_json,
        )
        return Exit.INTERNAL
    if code == Exit.INTERRUPTED:  # some versions of Typer turn Ctrl-C into this code themselves
        return _say_stopped(as_json)
    return int(code or Exit.ANSWERED)


def _say_stopped(as_json: bool) -> int:
    _say_error("Interrupted", "Stopped by the person at the keyboard.", "", as_json)
    return int(Exit.INTERRUPTED)


def _say_error(kind: str, problem: str, next_step: str, as_json: bool) -> None:
    """One error: an object on standard output for machines, or a message on standard error for people."""
    if as_json:
        print(json.dumps({"error": {"type": kind, "problem": problem, "next_step": next_step}}))
        return
    lines = [f"aitia: {problem}", *([f"  {next_step}"] if next_step else [])]
    print(
        "\n".join(
            "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in each) for each in lines
        ),
        file=sys.stderr,
    )
