"""Hypothesis against a model: whatever is done in whatever order, every answer is the one the model gives."""

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import hypothesis.strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
)

from tests.book import Book
from tests.conftest import NUMBERS, Client, Server, run_cli
from tests.effort import effort
from tests.machine import run_machine

UNKNOWN = "0" * 32
numbers = st.sampled_from(NUMBERS[:8])
names = st.sampled_from([None, "", "Asha", "ASHA", "Åsa", "Ravi", "a%", "a_", "\\", "राम"])
texts = st.sampled_from([None, "", "x", "é", "x" * 255])
customs = st.sampled_from([None, {}, {"plan": "gold"}, {"a": {"b": [1, 2.5, None, True]}}])
fields = st.fixed_dictionaries(
    {},
    optional={
        "first_name": names,
        "last_name": names,
        "company_name": texts,
        "email": texts,
        "tag": texts,
        "custom_field": customs,
    },
)
drafts = st.builds(lambda number, rest: {"number": number, **rest}, numbers, fields)
list_names = st.sampled_from(["Friends", " Friends ", "friends", "Foes", "", " ", "Ø", "50%"])
list_fields = st.fixed_dictionaries({}, optional={"tag": texts})
sort_directions = st.sampled_from(["", ":asc", ":desc"])
windows = st.tuples(st.integers(0, 12), st.integers(1, 12))


class BookMachine(RuleBasedStateMachine):
    """One account, driven at random, beside a model of it."""

    connect: Callable[[], Client]
    changes: ClassVar[Counter[str]] = Counter()  # that each account was answered to have made
    contacts = Bundle("contacts")
    lists = Bundle("lists")

    @initialize()
    def begin(self) -> None:
        self.api = type(self).connect()
        self.book = Book(self.api.account)

    @rule(target=contacts, items=st.lists(drafts, min_size=1, max_size=4))
    def create_contacts(self, items: list[dict[str, Any]]) -> Any:
        answer = self.api.post("/contacts", {"contacts": items})
        made = self.book.create_contacts(items, answer.json()["response"])
        self.agree(answer, made)
        return multiple(*(item["data"]["sid"] for item in answer.json()["response"] if item["code"] == 200))

    @rule(
        sids=st.lists(contacts, min_size=1, max_size=3),
        changes=st.lists(fields, min_size=3, max_size=3),
        number=numbers,
    )
    def update_contacts(self, sids: list[str], changes: list[dict[str, Any]], number: str) -> None:
        items = [{"sid": sid, **change} for sid, change in zip(sids, changes, strict=False)]
        items[0]["number"] = number
        answer = self.api.put("/contacts", {"contacts": [*items, {"sid": UNKNOWN, "tag": "x"}]})
        self.agree(answer, self.book.update_contacts([*items, {"sid": UNKNOWN, "tag": "x"}]))

    @rule(sid=contacts, change=fields)
    def update_contact(self, sid: str, change: dict[str, Any]) -> None:
        self.agree(self.api.put(f"/contacts/{sid}", change), self.book.update_contact(sid, change))

    @rule(sid=contacts)
    def get_contact(self, sid: str) -> None:
        self.agree(self.api.get(f"/contacts/{sid}"), self.book.get_contact(sid))

    @rule(sid=contacts)
    def delete_contact(self, sid: str) -> None:
        self.agree(self.api.delete(f"/contacts/{sid}"), self.book.delete_contact(sid))

    @rule(
        sids=st.lists(contacts, min_size=1, max_size=3),
        given=st.lists(numbers, max_size=2),
        both=st.one_of(st.none(), numbers),
    )
    def delete_contacts(self, sids: list[str], given: list[str], both: str | None) -> None:
        """By sids, of which one may have a number besides, and by numbers."""
        items = [{"sid": sid} for sid in sids] + [{"number": number} for number in given]
        items[0] |= {"number": both} if both else {}
        self.agree(self.api.delete("/contacts", {"contacts": items}), self.book.delete_contacts(items))

    @rule(
        window=windows,
        field=st.sampled_from(["date_created", "number", "first_name", "last_name"]),
        direction=sort_directions,
        name=st.sampled_from([None, "asha", "ÅS", "%", "_", "\\", "a r", "रा"]),
        of=st.none() | st.lists(lists, max_size=2),
        shown=st.booleans(),
    )
    def list_contacts(
        self, window: tuple[int, int], field: str, direction: str, name: str | None, of: list[str] | None, shown: bool
    ) -> None:
        query: dict[str, Any] = {"offset": window[0], "limit": window[1], "sort_by": field + direction}
        if name is not None:
            query["name"] = name
        if of:
            query["list_sids"] = ",".join(of)
        if shown:
            query["filter"] = "show_list"
        answer = self.api.get("/contacts", **query)
        self.agree(answer, self.book.list_contacts(window, field, direction == ":desc", name, of or None, shown))

    @rule(target=lists, items=st.lists(st.tuples(list_names, list_fields), min_size=1, max_size=2))
    def create_lists(self, items: list[tuple[str, dict[str, Any]]]) -> Any:
        bodies = [{"name": name, **rest} for name, rest in items]
        answer = self.api.post("/lists", {"lists": bodies})
        self.agree(answer, self.book.create_lists(bodies, answer.json()["response"]))
        return multiple(*(item["data"]["sid"] for item in answer.json()["response"] if item["code"] == 200))

    @rule(sid=lists, name=list_names, change=list_fields)
    def update_list(self, sid: str, name: str, change: dict[str, Any]) -> None:
        self.agree(
            self.api.put(f"/lists/{sid}", {"name": name, **change}),
            self.book.update_list(sid, {"name": name, **change}),
        )

    @rule(sids=st.lists(lists, min_size=1, max_size=3), name=list_names, change=list_fields)
    def update_lists(self, sids: list[str], name: str, change: dict[str, Any]) -> None:
        items = [{"sid": sid, **change} for sid in [*sids, UNKNOWN]]
        items[0]["name"] = name
        self.agree(self.api.put("/lists", {"lists": items}), self.book.update_lists(items))

    @rule(sid=lists)
    def get_list(self, sid: str) -> None:
        self.agree(self.api.get(f"/lists/{sid}"), self.book.get_list(sid))

    @rule(sid=lists)
    def delete_list(self, sid: str) -> None:
        self.agree(self.api.delete(f"/lists/{sid}"), self.book.delete_list(sid))

    @rule(
        window=windows,
        field=st.sampled_from(["date_created", "name"]),
        direction=sort_directions,
        name=st.sampled_from([None, "F", "fr", "%", "ø", "zz"]),
    )
    def list_lists(self, window: tuple[int, int], field: str, direction: str, name: str | None) -> None:
        query: dict[str, Any] = {"offset": window[0], "limit": window[1], "sort_by": field + direction}
        if name is not None:
            query["name"] = name
        self.agree(self.api.get("/lists", **query), self.book.list_lists(window, field, direction == ":desc", name))

    @rule(sid=lists, members=st.lists(contacts, max_size=4))
    def add_members(self, sid: str, members: list[str]) -> None:
        self.agree(self.api.add_members(sid, *members, UNKNOWN), self.book.add_members(sid, [*members, UNKNOWN]))

    @rule(sid=lists, contact=contacts)
    def remove_member(self, sid: str, contact: str) -> None:
        self.agree(self.api.delete(f"/lists/{sid}/contacts/{contact}"), self.book.remove_member(sid, contact))

    @rule(sid=lists, members=st.lists(contacts, min_size=1, max_size=4))
    def remove_members(self, sid: str, members: list[str]) -> None:
        body = {"contact_references": [{"contact_sid": contact} for contact in members]}
        self.agree(self.api.delete(f"/lists/{sid}/contacts", body), self.book.remove_members(sid, members))

    @rule(sid=lists, window=windows)
    def list_members(self, sid: str, window: tuple[int, int]) -> None:
        answer = self.api.get(f"/lists/{sid}/contacts", offset=window[0], limit=window[1])
        self.agree(answer, self.book.list_members(sid, window))

    def agree(self, answer: Any, expected: tuple[int, Any, Any]) -> None:
        """Fail unless the model gives the same status, metadata and items, times aside."""
        envelope = answer.json()
        assert answer.status_code == envelope["http_code"] == expected[0], answer.text
        assert envelope.get("metadata") == expected[1]
        assert plain(envelope["response"]) == expected[2]
        if answer.request.method != "GET" and answer.status_code < 400:
            self.changes[self.api.account] += 1


def plain(response: Any) -> Any:
    """Each item as its code and its data, without times; an error is its own code in its place."""
    if isinstance(response, list):
        return [plain(item) for item in response]
    data = response["data"] and {k: v for k, v in response["data"].items() if not k.startswith("date_")}
    error = response["error_data"] and response["error_data"]["code"]
    return response["code"], error, data


def test_every_answer_is_the_models_and_every_change_in_the_audit_log(
    connect: Callable[..., Client], server: Server
) -> None:
    changes: Counter[str] = Counter()
    run_machine(BookMachine, examples=effort("EXAMPLES", 50), steps=40, connect=staticmethod(connect), changes=changes)
    logs = {each["account"]: each["entries"] for each in run_cli("audit", "verify", "--database", server.database)}
    # The account was made, and its key.
    assert {account: logs[account] - 2 for account in changes} == changes
