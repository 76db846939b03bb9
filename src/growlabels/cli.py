"""The command line: ``growlabels <system> <command>``, made from the config dataclasses.

Only light modules are imported here; a command imports its system when it runs.
"""

import ast
import importlib
import inspect
import io
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Union

import tyro

from growlabels import __version__
from growlabels.base.errors import GrowLabelsError, MissingExtraError
from growlabels.base.progress import Progress, console_progress
from growlabels.classes.cli.commands import COMMANDS as CLASSES
from growlabels.demo._commands import COMMANDS as DEMO
from growlabels.stream.cli.commands import COMMANDS as STREAM
from growlabels.tables.look.commands import COMMANDS as LOOK
from growlabels.unsafe.cli.commands import COMMANDS as UNSAFE

TOP: Mapping[str, tuple[type, str]] = {**DEMO, **LOOK}

SYSTEMS: Mapping[str, tuple[str, Mapping[str, tuple[type, str]]]] = {
    "classes": (
        "Fixed class vectors (EBV): very many classes, or classes that keep coming.",
        CLASSES,
    ),
    "unsafe": ("Find and filter unsafe fine-tuning rows (DABUF).", UNSAFE),
    "stream": ("Learn tags online while they appear, vanish and drift (iHOMER).", STREAM),
}

COMMANDS: Mapping[type, str] = dict(
    command
    for group in (TOP, *(group for _, group in SYSTEMS.values()))
    for command in group.values()
)
"""Options of a command -> the module whose ``run(options, progress)`` carries it out."""


def _tree() -> Any:
    """Build the type of the whole command line: systems, each with its commands."""
    members: list[Any] = [_choice(name, options) for name, (options, _) in TOP.items()]
    for system, (summary, commands) in SYSTEMS.items():
        choices = tuple(_choice(name, options) for name, (options, _) in commands.items())
        members.append(_choice(system, _union(choices), summary))
    return _union(tuple(members))


def _choice(name: str, kind: Any, summary: str | None = None) -> Any:
    return Annotated[kind, tyro.conf.subcommand(name=name, description=summary)]


def _flow_help(kinds: set[type]) -> None:
    """Give each field of the commands its docstring as one paragraph; tyro keeps its line ends."""
    for kind in kinds:
        (declared,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        assert isinstance(declared, ast.ClassDef)
        for field, text in pairwise(declared.body):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(name)),
                    ast.Expr(value=ast.Constant(value=str(words))),
                ):
                    helped = tyro.conf.arg(help=" ".join(words.replace("``", "").split()))
                    kind.__annotations__[name] = Annotated[kind.__annotations__[name], helped]


def _union(choices: tuple[Any, ...]) -> Any:
    return choices[0] if len(choices) == 1 else Union[choices]  # noqa: UP007 (made at run time)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exits with 0, 1 (failure), 2 (wrong use) or 130 (interrupted)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a label must not break a terminal without it
            stream.reconfigure(errors="backslashreplace")
    if list(arguments) in (["--version"], ["-V"]):
        print(f"growlabels {__version__}")
        return
    if not arguments:
        arguments = ["--help"]
    if {"-h", "--help"}.intersection(arguments):
        _flow_help({part for c in COMMANDS for part in c.__mro__ if part is not object})
    options: object = tyro.cli(
        _tree(),
        prog="growlabels",
        description="Train, filter and predict when you do not know all the labels yet.",
        args=list(arguments),
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes),
    )
    sys.exit(_run(options))


def run_command(options: object, progress: Progress) -> None:
    """Carry out the command whose options are given, without a command line."""
    importlib.import_module(COMMANDS[type(options)]).run(options, progress)


def _run(options: object) -> int:
    try:
        with console_progress() as progress:
            run_command(options, progress)
    except GrowLabelsError as error:
        return _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "growlabels"):  # a fault of our own
            raise
        extra = type(options).__module__.split(".")[1]  # each system has an extra of its name
        error = MissingExtraError.of(missing, extra)
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        goes_on = getattr(options, "resumes", False)
        way_out = "give the same command again to go on from there" if goes_on else "run it again"
        return _fail(f"stopped; nothing half-written is left, {way_out}", 130)
    except BrokenPipeError:
        raise
    except OSError as error:
        what = f"{error.filename!r}: " if error.filename else ""
        return _fail(f"{what}{error.strerror or error}; check the path and its permissions", 1)
    return 0


def _fail(message: str, code: int) -> int:
    print(f"growlabels: {message}", file=sys.stderr)
    return code
