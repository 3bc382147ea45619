"""The file of saved profiles: whose account, on which server, and what opens it. Only its owner may read it."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from dialbook.model.errors import Invalid, NotFound
from dialbook.wire.body import NOT_JSON

if sys.platform != "win32":
    import fcntl

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Profile(Struct, frozen=True):
    """An account's URL, without credentials, and these beside it; the token is never shown."""

    url: str
    key: str
    token: str

    def __repr__(self) -> str:
        return f"<Profile {self.url}>"


class Profiles(Struct, frozen=True):
    """All profiles by name, and the one that is used where none is named."""

    current: str | None = None
    profiles: dict[str, Profile] = {}

    def get(self, name: str) -> Profile:
        """One profile.

        Raises:
            NotFound: there is none with this name.
        """
        if name not in self.profiles:
            raise NotFound(f"There is no profile '{name}'. Saved are: {', '.join(sorted(self.profiles)) or 'none'}.")
        return self.profiles[name]


def profiles_path() -> Path:
    """Where the file is: `profiles.json` in dialbook's folder of the user's configuration (XDG base directories)."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "dialbook" / "profiles.json"


def read_profiles() -> Profiles:
    """All saved profiles; none where there is no file.

    Raises:
        Invalid: others may read the file, or it holds something else.
        OSError: it cannot be read.
    """
    path = profiles_path()
    if not path.exists():
        return Profiles()
    if path.stat().st_mode & OTHERS:
        raise Invalid(f"{path} holds tokens, and others may read it: chmod 600 {path}")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Profiles)
    except NOT_JSON:
        raise Invalid(f"{path} is no file of profiles: mend or remove it.") from None


@contextmanager
def changing_profiles() -> Iterator[Profiles]:
    """All saved profiles, to be changed and written: who else wants to change them waits until the caller is done.

    Raises:
        Invalid: as `read_profiles`.
        OSError: the folder or the file cannot be used.
    """
    path = profiles_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A file of its own, since the other one is replaced.
    with os.fdopen(os.open(path.with_name("profiles.lock"), os.O_RDWR | os.O_CREAT, 0o600), "rb") as lock:
        if sys.platform != "win32":
            with suppress(OSError):  # there are file systems without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield read_profiles()


def write_profiles(profiles: Profiles) -> None:
    """Save all profiles, whole or not at all."""
    from dialbook.client.files import whole_file  # noqa: PLC0415  # commands on a database start without it

    with whole_file(profiles_path(), 0o600) as file:
        file.write(msgspec.json.format(msgspec.json.encode(profiles), indent=2) + b"\n")
