"""File systems that are soon full."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest


@contextmanager
def mounted(folder: Path, size: int, files: int = 0) -> Iterator[Path]:
    """A file system of so many bytes at a folder that is made; where the project is checked, it has to be there.

    Args:
        folder: where.
        size: how many bytes.
        files: how many there may be, with folders; 0 for as many as there is room for.
    """
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    programs = [*as_root[:1], "mount", "umount"]
    if missing := [name for name in programs if shutil.which(name) is None]:
        _cannot(f"no {', '.join(missing)} here")
    options = f"size={size},nr_inodes={files},mode=0777"
    done = subprocess.run(
        [*as_root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        _cannot(f"no small disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run([*as_root, "umount", folder], check=True)


def fill_up(folder: Path) -> None:
    """Take what is left of the disk that a folder is on, but for the bytes at the end of files that have them already.

    Raises:
        OSError: something else is wrong with it than that it is full.
    """
    with (folder / "more-ballast").open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError as full:
            if full.errno != errno.ENOSPC:
                raise


def _cannot(reason: str) -> NoReturn:
    """A laptop may not mount anything; where the project is checked, nothing is left out."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
