"""Every call against a live server, and what it returns."""

import asyncio
import io
from collections.abc import Iterable
from datetime import UTC

import pytest
from msgspec import Struct

from dialbook import AsyncClient, Client
from dialbook.client import (
    Contact,
    ContactList,
    Duplicate,
    Invalid,
    ItemsRefused,
    Missing,
    NotFound,
    Ok,
    Results,
    Unauthorized,
    Upload,
    UploadStats,
    encoding,
)
from dialbook.server.app import OPERATIONS
from dialbook.wire.contacts import ContactOut
from dialbook.wire.lists import ListOut
from dialbook.wire.uploads import StatsOut, StatusOut
from tests.client.conftest import fill
from tests.conftest import NUMBERS

NOBODY = "0" * 32
UNREACHED = "http://key:secret@127.0.0.1:1/v2/accounts/acme"


def test_a_contact_is_made_read_changed_and_deleted(client: Client) -> None:
    (made,) = client.create_contacts(
        [{"number": NUMBERS[0], "first_name": "Asha", "tag": "new", "custom_field": {"city": "Pune", "visits": 3}}]
    ).raise_for_failures()

    assert (made.number, made.first_name, made.tag) == (NUMBERS[0], "Asha", "new")
    assert made.custom_field == {"city": "Pune", "visits": 3}
    assert made.date_created is not None
    assert made.date_created.tzinfo is UTC
    assert client.get_contact(made.sid) == made

    changed = client.update_contact(made.sid, first_name="Usha", tag=None)
    assert (changed.first_name, changed.tag, changed.custom_field) == ("Usha", None, made.custom_field)

    assert client.delete_contact(made.sid) == changed
    with pytest.raises(NotFound):
        client.get_contact(made.sid)


def test_a_list_is_made_read_changed_and_deleted(client: Client) -> None:
    (made,) = client.create_lists([{"name": "Friends", "type": "dynamic"}]).raise_for_failures()

    assert (made.name, made.type, made.contact_count) == ("Friends", "dynamic", 0)
    assert client.get_list(made.sid) == made
    assert client.update_list(made.sid, tag="old").tag == "old"
    (renamed,) = client.update_lists([{"sid": made.sid, "name": "Family"}]).raise_for_failures()
    assert list(client.list_lists(name="ami")) == [renamed]
    assert client.delete_list(made.sid) == renamed
    assert list(client.list_lists()) == []


def test_contacts_join_a_list_and_leave_it(client: Client) -> None:
    list_sid, sids = fill(client, 3)

    page = client.list_members(list_sid, offset=1, limit=1)
    left = client.remove_member(list_sid, sids[1])

    assert ([contact.sid for contact in page], page.offset, page.limit, page.total) == ([sids[1]], 1, 1, 3)
    assert left is not None
    assert (left.sid, left.list_id) == (sids[1], list_sid)
    assert [contact.sid for contact in client.list_members(list_sid)] == [sids[0], sids[2]]
    with pytest.raises(NotFound):
        client.remove_member(list_sid, sids[1])


def test_many_leave_a_list_and_many_are_deleted(client: Client) -> None:
    list_sid, sids = fill(client, 4)
    there = [client.get_contact(sid) for sid in sids]

    left = client.remove_members(list_sid, (sid for sid in (sids[0], "0" * 32)))
    gone = client.delete_contacts([{"sid": sids[1]}, {"number": NUMBERS[2]}, {"sid": sids[3], "number": NUMBERS[0]}])

    assert ([contact.sid for contact in left.values], [*left.failures]) == ([sids[0]], [1])
    assert (gone.values, [*gone.failures]) == (there[1:3], [2])
    assert [contact.sid for contact in client.list_members(list_sid)] == [sids[3]]
    assert list(client.list_contacts()) == [there[0], there[3]]


def test_whoever_is_deleted_is_not_passed_over_by_the_walk_that_names_them(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "BULK_LIMIT", 2)
    list_sid, sids = fill(client, 7)

    left = client.remove_members(
        list_sid, (each.sid for each in client.iter_members(list_sid, page_size=2, sort_by="number"))
    )
    gone = client.delete_contacts(client.iter_contacts(page_size=2))

    assert [contact.sid for contact in left.raise_for_failures()] == sids
    assert [contact.sid for contact in gone.raise_for_failures()] == sids
    assert (client.list_contacts().total, client.get_list(list_sid).contact_count) == (0, 0)


@pytest.mark.sqlite
def test_nor_is_what_is_changed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "BULK_LIMIT", 2)
    contacts = client.create_contacts({"number": number, "first_name": "Old"} for number in NUMBERS[:7]).values
    lists = client.create_lists({"name": f"Old {n}"} for n in range(7)).values

    named = client.update_contacts(
        {"sid": each.sid, "first_name": "New"} for each in client.iter_contacts(page_size=2, name="Old")
    )
    renamed = client.update_lists(
        {"sid": each.sid, "name": f"New {n}"} for n, each in enumerate(client.iter_lists(page_size=2, name="Old"))
    )

    assert [contact.sid for contact in named.raise_for_failures()] == [contact.sid for contact in contacts]
    assert [each.sid for each in renamed.raise_for_failures()] == [each.sid for each in lists]


def test_the_address_book_is_searched_and_sorted(client: Client) -> None:
    list_sid, sids = fill(client, 4)
    client.update_contact(sids[2], first_name="Asha")

    newest = client.list_contacts(sort_by="number:desc", limit=2)
    found = client.list_contacts(name="ash", list_sids=[list_sid, NOBODY], show_lists=True)
    unshown = client.list_contacts(name="ash")

    assert [contact.number for contact in newest] == [NUMBERS[3], NUMBERS[2]]
    assert [[ref.name for ref in contact.lists or ()] for contact in found] == [["Friends"]]
    assert not unshown.items[0].lists


@pytest.mark.parametrize("list_sids", [[], (), [""], [NOBODY, ""]])
def test_contacts_of_no_list_are_not_everybody(list_sids: Iterable[str]) -> None:
    with Client(UNREACHED) as client, pytest.raises(ValueError, match="list_sids holds one sid or more"):
        client.list_contacts(list_sids=list_sids)
    with Client(UNREACHED) as client, pytest.raises(ValueError, match="list_sids holds one sid or more"):
        client.iter_contacts(list_sids=list_sids)


@pytest.mark.sqlite
def test_lists_whose_contacts_are_wanted_may_come_one_by_one(client: Client, url: str) -> None:
    friends, sids = fill(client, 5)
    (few,) = client.create_lists([{"name": "Few"}]).raise_for_failures()
    client.add_members(few.sid, sids[:3]).raise_for_failures()
    client.delete_list(friends)

    async def awaited() -> tuple[list[str], list[str]]:
        async with AsyncClient(url) as there:
            walk = there.iter_contacts(page_size=2, list_sids=iter([few.sid]))
            page = await there.list_contacts(list_sids=iter([few.sid]))
            return [contact.sid async for contact in walk], [contact.sid for contact in page]

    walked = [contact.sid for contact in client.iter_contacts(page_size=2, list_sids=iter([few.sid]))]
    page = [contact.sid for contact in client.list_contacts(list_sids=map(str, [few.sid]))]
    assert (walked, page, *asyncio.run(awaited())) == (sids[:3],) * 4


def test_a_text_in_place_of_lists_is_refused() -> None:
    with Client(UNREACHED) as client, pytest.raises(TypeError, match="list_sids is a text"):
        client.list_contacts(list_sids=NOBODY)


def test_members_are_selected(client: Client) -> None:
    list_sid, sids = fill(client, 4)
    client.update_contact(sids[2], first_name="Asha", tag="vip")

    for page in (
        client.list_members(list_sid, number=NUMBERS[2]),
        client.list_members(list_sid, tag="vip"),
        client.list_members(list_sid, name="ash"),
        client.list_members(list_sid, sort_by="first_name:desc", limit=1),
    ):
        assert [contact.sid for contact in page] == [sids[2]]


def test_results_stand_in_the_place_of_their_items(client: Client) -> None:
    client.create_contacts([{"number": NUMBERS[0], "first_name": "Asha"}])

    results = client.create_contacts(
        [{"number": NUMBERS[1]}, {"number": NUMBERS[0]}, {"number": "nobody"}, {"number": ""}]
    )

    assert isinstance(results[0], Ok)
    assert [type(refused) for refused in results] == [Ok, Duplicate, Invalid, Missing]
    taken = results[1]
    assert isinstance(taken, Duplicate)
    assert taken.existing.first_name == "Asha"
    assert [contact.number for contact in results.values] == [NUMBERS[1]]
    assert {place: (error.status, error.code) for place, error in results.failures.items()} == {
        1: (409, 1008),
        2: (400, 1002),
        3: (400, 1001),
    }


def test_who_prefers_exceptions_gets_one_with_all_of_them(client: Client) -> None:
    client.create_contacts([{"number": NUMBERS[0]}])

    results = client.create_contacts([{"number": NUMBERS[1]}, {"number": NUMBERS[0]}])

    with pytest.raises(ItemsRefused, match="1 of 2 items were refused; the first is item 1: ") as raised:
        results.raise_for_failures()
    assert raised.value.failures == results.failures
    assert (raised.value.status, raised.value.code) == (409, 1008)


def test_any_iterable_is_cut_into_requests_and_answered_as_one(client: Client) -> None:
    results = client.create_contacts({"number": number} for number in [*NUMBERS[:5001], NUMBERS[0]])

    assert len(results) == 5002
    assert list(results.failures) == [5001]
    assert [contact.number for contact in results.values] == NUMBERS[:5001]
    changed = client.update_contacts({"sid": contact.sid, "tag": "x"} for contact in results.values)
    assert {contact.tag for contact in changed.raise_for_failures()} == {"x"}
    assert len(changed) == 5001


def test_nothing_is_sent_for_no_items(client: Client) -> None:
    assert client.create_contacts([]) == Results()
    assert client.create_contacts([]).raise_for_failures() == []


def test_a_refusal_says_which_request_was_refused_and_why(client: Client) -> None:
    with pytest.raises(Invalid, match="sort_by") as raised:
        client.list_contacts(sort_by="colour")

    assert (raised.value.status, raised.value.code, raised.value.message) == (400, 1002, "Invalid parameter")
    assert raised.value.request_id is not None
    assert len(raised.value.request_id) == 32


def test_wrong_credentials_are_refused(url: str) -> None:
    scheme, _, rest = url.partition("://")
    with Client(f"{scheme}://nobody:nothing@{rest.partition('@')[2]}") as client, pytest.raises(Unauthorized):
        client.list_lists()


def test_odd_sids_reach_nothing_else(client: Client) -> None:
    list_sid, _ = fill(client, 1)

    for sid in ("", ".", ".."):
        with pytest.raises(ValueError, match="sid"):
            client.remove_member(list_sid, sid)
    assert client.get_list(list_sid).contact_count == 1

    for sid in ("../lists", "a/b", "?limit=1", " ", "%2e%2e"):
        with pytest.raises((NotFound, Invalid)):
            client.get_contact(sid)


def test_the_asynchronous_client_is_the_same(url: str) -> None:
    async def everything() -> None:
        async with AsyncClient(url) as client:
            contacts = (await client.create_contacts({"number": n} for n in NUMBERS[:7])).raise_for_failures()
            (made,) = (await client.create_lists([{"name": "Friends"}])).raise_for_failures()
            (await client.add_members(made.sid, [contact.sid for contact in contacts])).raise_for_failures()
            walked = [contact.sid async for contact in client.iter_members(made.sid, page_size=3)]
            assert walked == [contact.sid for contact in contacts]
            left = await client.remove_member(made.sid, walked[0])
            assert left is not None
            assert left.sid == walked[0]
            assert (await client.get_list(made.sid)).contact_count == 6
            assert [found.name async for found in client.iter_lists()] == ["Friends"]
            assert [contact.sid async for contact in client.iter_contacts(page_size=3)] == walked
            assert (await client.update_contact(walked[0], tag="vip")).tag == "vip"
            upload = await client.upload_csv(io.BytesIO(b"number\nnone\n"), "Friends")
            assert [found.upload_id for found in await client.list_uploads()] == [upload.upload_id]
            assert [found.upload_id async for found in client.iter_uploads()] == [upload.upload_id]
            assert (await client.cancel_upload(upload.upload_id)).status == "failed"
            assert list(await client.list_upload_errors(upload.upload_id)) == []
            with pytest.raises(NotFound):
                await client.get_contact(NOBODY)

    asyncio.run(everything())


def calls_of(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_both_clients_have_the_same_calls() -> None:
    assert calls_of(AsyncClient) - {"aclose"} == calls_of(Client) - {"close"}


def test_every_operation_of_the_server_is_a_call() -> None:
    operations = {handler.__name__ for handlers in OPERATIONS.values() for handler in handlers.values()}

    assert operations <= calls_of(Client)


@pytest.mark.parametrize(
    ("read", "written"), [(Contact, ContactOut), (ContactList, ListOut), (UploadStats, StatsOut), (Upload, StatusOut)]
)
def test_what_the_server_writes_is_what_the_client_reads(read: type[Struct], written: type[Struct]) -> None:
    assert set(read.__struct_fields__) == set(written.__struct_fields__)
