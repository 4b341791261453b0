"""Writing a file whole or not at all, however the process or the machine ends meanwhile."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO, Literal


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a file in its place durably, instead of one that may be there. Raises ``OSError``."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123  # a handle has no path
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(path.parent)


def open_private(path: Path, mode: Literal["wb", "xb"]) -> BinaryIO:
    """A file that only its owner can read, for personal data. Raises ``OSError``."""
    how = os.O_TRUNC if mode == "wb" else os.O_EXCL
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600), "wb")


def _sync_folder(folder: Path) -> None:
    """Make the folder itself durable, where its file system can: a mounted bucket cannot."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
