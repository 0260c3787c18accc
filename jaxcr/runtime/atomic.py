"""Files that are written whole or not at all."""

import contextlib
import os
from pathlib import Path

from jaxcr.runtime.signals import uninterrupted


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it has this content or was never touched, whatever happens meanwhile.

    A temporary file beside it, flushed to the disk, then renamed. SIGINT and SIGTERM wait.

    Raises
    ------
    OSError
        When it cannot be written: the message names the file; the temporary one is gone.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with uninterrupted():
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(path.parent)
        except OSError as problem:
            with contextlib.suppress(OSError):
                part.unlink()
            raise OSError(problem.errno, f"{problem.strerror}, while writing", str(path)) from None


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a loss of power, where the system can."""
    with contextlib.suppress(OSError):  # some systems do not open folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
