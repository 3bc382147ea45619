"""A disk whose power can be cut: a file system in a file, which forgets what was not synced."""

import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.failure import Failure

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), in fs/ext4/ext4.h
NO_LOG_FLUSH = 2  # nothing is written any more, the journal neither
PATIENCE = 10.0  # seconds until a process that was killed has let go of it


class Disk:
    """An ext4 on a loop device, mounted at a folder."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.folder = folder
        self._image = image

    def mount(self) -> None:
        """Mount it; the journal is played back, as after a loss of power."""
        _run("mount", "-o", "loop", str(self._image), str(self.folder))

    def unmount(self) -> None:
        """Unmount it, once nobody uses it.

        Raises:
            Failure: somebody goes on using it.
        """
        ends = time.monotonic() + PATIENCE
        while (done := _try("umount", str(self.folder))).returncode:
            if time.monotonic() > ends:
                raise Failure(done.stderr.strip())
            time.sleep(0.05)

    def sync(self) -> None:
        """Have everything on it that was written so far."""
        _run("sync", "--file-system", str(self.folder))

    def cut_power(self) -> None:
        """From now on nothing is written; what was written and not synced is forgotten."""
        opened = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(opened, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(opened)


@contextmanager
def mounted_disk(folder: Path, size: int) -> Iterator[Disk]:
    """A disk of so many bytes in a folder, mounted below it.

    Raises:
        Failure: this machine does not allow it; it takes root, and loop devices.
    """
    image, point = folder / "disk.ext4", folder / "disk"
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(size)
    _run("mkfs.ext4", "-q", "-F", str(image))
    disk = Disk(image, point)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()
        image.unlink()


def _run(*command: str) -> None:
    if (done := _try(*command)).returncode:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip()}")


def _try(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not installed.") from None
