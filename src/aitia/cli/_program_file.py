"""A program written in a Python file, as ``aitia query PROGRAM.py`` takes it."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from aitia.cli._options import OptionError
from aitia.core import AitiaError, nearest

if TYPE_CHECKING:
    from aitia.programs import Program


class UnreadableProgram(AitiaError):
    """A file with a program could not be run, or holds no program."""


def read_program(source: str) -> Program:
    """The program behind ``PROGRAM.py`` or ``PROGRAM.py:name``.

    The file is run as a module. Without a name, the program is the one called ``program``, or the only one there.

    Raises:
        UnreadableProgram: no such file, an error while it runs (with its line), or no program in it.
        OptionError: the name after the colon names no program of the file, or none is named and there are several.
    """
    from aitia.programs import Program

    file, name = source, ""
    if not Path(source).is_file() and ":" in source:
        file, name = source.rsplit(":", 1)
    path = Path(file)
    if not path.is_file():
        raise UnreadableProgram(
            f"There is no file {file!r}.", "Give the path of a Python file that defines a Program."
        )
    found = {key: value for key, value in vars(_run(path)).items() if isinstance(value, Program)}
    if name:
        if name not in found:
            raise OptionError(f"{path.name} has no program called {name!r}.", nearest(name, found))
        return found[name]
    if "program" in found:
        return found["program"]
    if not found:
        raise UnreadableProgram(
            f"{path.name} defines no Program.",
            "Write program = Program([...]) at the top level of the file.",
        )
    if len(found) > 1:
        raise OptionError(
            f"{path.name} defines {len(found)} programs: {', '.join(found)}.",
            f"Name one: {file}:{next(iter(found))}, or call the main one program.",
        )
    return next(iter(found.values()))


def _run(path: Path) -> ModuleType:
    """Run a file as a module; files beside it can be imported, as when Python runs it."""
    specification = importlib.util.spec_from_file_location(f"aitia_program_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise UnreadableProgram(f"{path.name} is no Python file.", "Give a file that ends with .py.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    sys.path.insert(0, str(path.parent))
    try:
        specification.loader.exec_module(module)
    except AitiaError:
        raise
    except SyntaxError as error:
        raise UnreadableProgram(
            f"{path.name}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}", "Mend that line."
        ) from error
    except Exception as error:
        at = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == str(path)]
        where = f", line {at[-1].lineno}: {at[-1].line}" if at else ""
        raise UnreadableProgram(
            f"{path.name}{where}\n  raised {type(error).__name__}: {error}", "Mend that line."
        ) from error
    finally:
        sys.path.remove(str(path.parent))
    return module
