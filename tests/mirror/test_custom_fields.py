"""A custom field arrives as it was written, to the last digit, whichever way it goes."""

from collections.abc import Callable

from dialbook.client import Client
from tests.client.conftest import address
from tests.conftest import NUMBERS, Server, execute, read_rows
from tests.conftest import Client as Caller
from tests.mirror.conftest import Mirror, saved
from tests.mirror.test_pull import changes

EXACT = '{"id":0.12345678901234567891, "t":1E-400,"a":1,"a":2,"big":1e23}'
EMPTY = "{}"
NONE = '""'


def store(caller: Caller, *fields: str) -> None:
    """Make a contact with each of the custom fields."""
    items = (
        f'{{"number": "{number}", "custom_field": {field}}}' for number, field in zip(NUMBERS, fields, strict=False)
    )
    response = caller.request("POST", "/contacts", content=f'{{"contacts": [{",".join(items)}]}}'.encode())
    assert response.status_code == 200


def custom_fields(database: str, account: str) -> list[str | None]:
    """Those of an account's contacts, by number."""
    sql = "SELECT custom_field FROM contacts WHERE account = :account ORDER BY number"
    return [field for (field,) in read_rows(database, sql, account=account)]


def test_it_is_pulled_as_it_is_written(mirror: Mirror, caller: Caller) -> None:
    store(caller, EXACT, EMPTY, NONE, "null")

    mirror.pull()

    assert custom_fields(mirror.here, mirror.account) == [EXACT, EMPTY, None, None]
    assert changes(mirror.pull("--full")) == {}


def test_what_a_dynamic_list_keeps_is_pulled_as_it_is_written(mirror: Mirror, caller: Caller) -> None:
    store(caller, "null")
    (sid,) = (each.sid for each in mirror.client.iter_contacts())
    (made,) = mirror.client.create_lists([{"name": "Kept", "type": "dynamic"}]).raise_for_failures()
    mirror.client.add_members(made.sid, [sid])
    sql = "UPDATE members SET variables = :text WHERE account = :account AND list = :list"
    execute(mirror.there, sql, text=EXACT, account=mirror.account, list=made.sid)

    mirror.pull()

    kept = read_rows(mirror.here, "SELECT variables FROM members WHERE account = :account", account=mirror.account)
    assert kept == [(EXACT,)]


def test_it_is_pushed_as_it_is_written(
    mirror: Mirror, caller: Caller, there: Server, new_client: Callable[..., Caller]
) -> None:
    store(caller, EXACT, EMPTY, "null")
    mirror.pull()
    other = new_client(there)
    store(other, '{"id":0.12345678901234568}')
    url = address(there, other)
    with Client(url) as client:
        target = Mirror(client, saved(mirror.home, url), other.account, mirror.there, mirror.here, mirror.home)
        report = target.push("--account", mirror.account, "--yes")
        again = target.push("--account", mirror.account, "--yes")

    assert changes(report) == {"contacts made": 2, "contacts changed": 1}
    assert custom_fields(mirror.there, other.account) == [EXACT, EMPTY, None]
    assert changes(again) == {}


def test_what_only_looks_different_is_not_pushed(mirror: Mirror, caller: Caller) -> None:
    store(caller, '{"a": [1.0, {"b": 2}], "c": null}', '{"t": 1E-99999999999999999999}')
    mirror.pull()
    sid, other = (each.sid for each in mirror.client.iter_contacts())
    caller.request("PUT", f"/contacts/{other}", content=b'{"custom_field": {"t":1E-99999999999999999999}}')
    mirror.client.update_contact(sid, custom_field={"c": None, "a": [1, {"b": 2}]})

    assert changes(mirror.push("--yes")) == {}
