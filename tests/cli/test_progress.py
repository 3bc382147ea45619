"""What somebody sees on a terminal while a command is at work."""

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dialbook.client import Client
from tests.client.conftest import fill
from tests.client.peer import contact, ok, peer, refusal
from tests.processes import HANG_SECONDS, PROGRAM, environment, run_program


def on_terminal(*arguments: str, **variables: str) -> str:
    """Run a command whose output is a terminal; return all that it shows there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([PROGRAM, *arguments], env=environment(variables), stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b"".join(read_all(ours))
        assert process.wait(HANG_SECONDS) == 0, shown
    return shown.decode()


def read_all(terminal: int) -> Iterator[bytes]:
    """What is shown on a terminal, until nobody has it open any more: Linux says so by EIO."""
    with os.fdopen(terminal, "rb", buffering=0) as file, suppress(OSError):
        while piece := file.read(65536):
            yield piece


def test_a_bar_counts_contacts_and_stays_out_of_what_is_printed(url: str, tmp_path: Path) -> None:
    with Client(url) as client:
        fill(client, 3)
    target = tmp_path / "friends.csv"

    shown = on_terminal("members", "export", "Friends", "-o", str(target), DIALBOOK_URL=url)
    printed = on_terminal("members", "export", "Friends", DIALBOOK_URL=url)

    assert "3/3" in shown
    assert "4/3" not in shown
    assert printed.split() == target.read_text().split()


def test_a_terminal_gets_no_codes_that_it_does_not_know_or_that_nobody_wants(url: str) -> None:
    def head(**variables: str) -> str:
        return on_terminal("lists", "list", DIALBOOK_URL=url, **variables).splitlines()[-1]

    assert "\x1b[1mNAME" in head(TERM="xterm", NO_COLOR="")
    assert head(TERM="dumb", NO_COLOR="").startswith("NAME")
    assert head(TERM="xterm", NO_COLOR="1").startswith("NAME")


def test_who_is_at_a_terminal_hears_what_is_waited_for() -> None:
    arguments = ("contacts", "create", "--number", "+919845000001")
    with peer(refusal(429, 1006, "Retry-After: 0", description="Too\x1b[2J many."), ok([contact(1)])) as there:
        shown = on_terminal(*arguments, DIALBOOK_URL=there.url)

    assert "POST /contacts: Too?[2J many. Again in 0." in shown


def test_whoever_has_to_wait_for_long_hears_it_elsewhere_too(tmp_path: Path) -> None:
    asked = (refusal(429, 1006, "Retry-After: 0"), refusal(429, 1006, "Retry-After: 5", description="Too\x1b[2J many."))
    with peer(*asked, ok([])) as there:
        done = run_program("lists", "list", folder=tmp_path, DIALBOOK_URL=there.url)

    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("GET /lists: Too?[2J many. Again in 5.")
