"""What a pull asks a server for: each page once, and later little more than what changed."""

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from dialbook.client import Client
from tests.client.conftest import fill
from tests.conftest import NUMBERS, execute, run_cli
from tests.mirror.conftest import Mirror, new_home, saved
from tests.postgres import Postgres
from tests.processes import Running, started

OLD, NEW = "2026-01-05T09:00:00Z", "2026-01-06T09:00:00Z"
CONTACTS = 100


def requests(server: Running) -> Counter[str]:
    """How many requests of each kind that reads the server has answered so far."""
    return Counter(re.findall(r"INFO dialbook\.request \S+ acme (list_\w+) 200", server.errors))


def test_a_second_run_asks_for_what_changed(tmp_path: Path) -> None:
    there, here = (f"sqlite:///{tmp_path / name}.db" for name in ("there", "here"))
    run_cli("account", "create", "acme", "--database", there)
    key = run_cli("key", "create", "acme", "--database", there)
    credentials = f"{key['api_key']}:{key['api_token']}"
    with started("serve", "--port", "0", "--database", there, folder=tmp_path, DIALBOOK_PAGE_LIMIT="20") as server:
        url = f"{server.url.replace('://', f'://{credentials}@')}/v2/accounts/acme"
        with Client(url) as client:
            fill(client, CONTACTS)
            execute(there, "UPDATE contacts SET updated = :old WHERE account = :account", old=OLD, account="acme")
            execute(there, "UPDATE lists SET updated = :old WHERE account = :account", old=OLD, account="acme")
            client.create_contacts([{"number": NUMBERS[CONTACTS]}])
            # A second that is not over has room for contacts that the first run cannot have met.
            newest = "UPDATE contacts SET created = :new, updated = :new WHERE account = :account AND updated > :old"
            execute(there, newest, new=NEW, old=OLD, account="acme")
            home = new_home(tmp_path)
            mirror = Mirror(client, saved(home, url), "acme", there, here, home)

            before = requests(server)
            mirror.pull()
            first = requests(server) - before
            client.create_contacts([{"number": NUMBERS[CONTACTS + 1]}])
            before = requests(server)
            mirror.pull()
            second = requests(server) - before
            # Who was changed last is changed again: whoever comes behind him tells that the server goes on.
            for contact in client.list_contacts(limit=3, sort_by="date_updated:desc"):
                client.update_contact(contact.sid, tag="again")
            before = requests(server)
            mirror.pull()
            third = requests(server) - before

    # A first run begins with one that shows whether it can; pages of 20 overlap by one; what changed is looked at when
    # all is read, and at the end.
    assert first == {"list_contacts": 1 + 1 + 6 + 1 + 1, "list_lists": 1, "list_members": 6}
    assert second == third == {"list_contacts": 2, "list_lists": 1}


@pytest.mark.parametrize(
    "torn", [b'{"type":"Swept"', b"\0\0\0\n", b'{"type":"Began","newest":null}\n{"type":"Me', b'{"type":"\xff"}\n']
)
def test_a_journal_that_breaks_off_is_taken_as_far_as_it_goes(torn: bytes, mirror: Mirror) -> None:
    fill(mirror.client, 25)
    mirror.pull()
    (journal,) = Path(mirror.home["XDG_STATE_HOME"]).glob("dialbook/*/journal.ndjson")
    journal.write_bytes(torn)
    mirror.client.create_contacts([{"number": NUMBERS[30]}])

    mirror.pull()

    mirror.check()


def test_what_the_last_run_has_left_is_passed_over_when_it_cannot_be_read(mirror: Mirror) -> None:
    fill(mirror.client, 25)
    mirror.pull()
    (last,) = Path(mirror.home["XDG_STATE_HOME"]).glob("dialbook/*/last.json")
    last.write_bytes(b'{"newest":null,"checksum":"\xff","lists":{},"refused":{}}')

    mirror.pull()

    mirror.check()


def test_what_an_older_version_has_left_is_read(mirror: Mirror) -> None:
    fill(mirror.client, 25)
    mirror.pull()
    (path,) = Path(mirror.home["XDG_STATE_HOME"]).glob("dialbook/*/last.json")
    last = msgspec.json.decode(path.read_bytes())
    known = {name: last[name] for name in ("newest", "checksum", "lists", "refused")}
    path.write_bytes(msgspec.json.encode(known))
    mirror.client.create_contacts([{"number": NUMBERS[30]}])

    mirror.pull()

    mirror.check()


def test_what_a_mirror_keeps_is_for_its_owner_alone(mirror: Mirror) -> None:
    mirror.pull()
    (folder,) = Path(mirror.home["XDG_STATE_HOME"]).glob("dialbook/*/")

    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


@pytest.mark.sqlite
@pytest.mark.parametrize("there", [20], indirect=True, ids=["short pages"])
def test_books_that_only_the_environment_tells_apart_are_two(
    mirror: Mirror, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for book in (postgres.create_book(), postgres.create_book()):
        mirror.here, _, name = book.rpartition("/")
        monkeypatch.setenv("PGDATABASE", name)
        mirror.pull()

    assert len([*Path(mirror.home["XDG_STATE_HOME"]).glob("dialbook/*/")]) == 2
