"""Checkpoints in a folder that others keep: a mounted bucket, another machine's disk, a repository.

One file each, named by the tree's size, never written a second time.
"""

from __future__ import annotations

from errno import ENOTDIR
from pathlib import Path

from adapters.outbound.files import write_whole
from processors.proof_ports import Checkpoint


class CheckpointFolder:
    """``Publication`` in a folder that is there: a bucket that is not mounted is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def publish(self, checkpoint: Checkpoint) -> None:
        if not self._folder.is_dir():
            raise NotADirectoryError(ENOTDIR, "There is no such folder", str(self._folder))
        path = self.path_of(checkpoint.size)
        if not path.exists():
            write_whole(path, checkpoint.note.encode(), 0o644)
        elif path.read_bytes() != checkpoint.note.encode():
            # What was published is what others trust: the one that differs must not replace it.
            raise FileExistsError(f"{path} has another checkpoint of this size")

    def path_of(self, size: int) -> Path:
        """Where the checkpoint of a size is; names sort as sizes do."""
        return self._folder / f"checkpoint-{size:012d}.txt"
