"""Writing a file so that a failure leaves the old one as it was."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from aitia.core import AitiaError


class CannotWrite(AitiaError):
    """A file could not be written; the file that was there before, if any, is as it was."""

    exit_code = 5


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write `text` to `path`, all of it or nothing.

    The text goes to a temporary file beside `path`, is flushed to the disk, and takes the name in one step.

    Args:
        path: where to; its folder must exist.
        text: the whole content, written as UTF-8.

    Returns:
        The path written.

    Raises:
        CannotWrite: the folder does not exist, is not writable, or the disk is full. The old file survives.
    """
    target = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part"
        )
    except OSError as error:
        raise _failure(target, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is readable by its owner alone; a report is as readable as any file the person makes.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, target)
    except OSError as error:
        raise _failure(target, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    return target


def _failure(target: Path, error: OSError) -> CannotWrite:
    old = " The file that was there before is unchanged." if target.is_file() else ""
    reason = error.strerror or str(error)
    return CannotWrite(
        f"{target} could not be written: {reason[:1].lower()}{reason[1:]}.{old}",
        "Free some space or choose another path; the folder must exist and be writable.",
    )
