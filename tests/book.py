"""A model of one account's book: plain dictionaries and lists, each rule of the contract in its plainest words."""

from typing import Any

Answer = tuple[int, Any, Any]  # HTTP status, metadata, plain items
Item = tuple[int, int | None, Any]  # code, error code, data

OPTIONAL = ("first_name", "last_name", "company_name", "email", "tag", "custom_field")
NOT_FOUND: Item = (404, 1000, None)


class Book:
    """What the server should know. Only sids are taken over from it."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.contacts: dict[str, dict[str, Any]] = {}
        self.lists: dict[str, dict[str, Any]] = {}
        self.members: dict[str, list[str]] = {}

    # Contacts

    def create_contacts(self, items: list[dict[str, Any]], answered: list[dict[str, Any]]) -> Answer:
        results: list[Item] = []
        for item, answer in zip(items, answered, strict=True):
            holder = self._with_number(item["number"])
            if holder is not None:
                results.append((409, 1008, self.shown(holder)))
                continue
            sid = answer["data"]["sid"]
            self.contacts[sid] = {"number": item["number"]} | {field: item.get(field) for field in OPTIONAL}
            self._clear_empty(sid)
            results.append((200, None, self.shown(sid)))
        return bulk(results)

    def update_contacts(self, items: list[dict[str, Any]]) -> Answer:
        return bulk([self._update_contact(item["sid"], item) for item in items])

    def update_contact(self, sid: str, change: dict[str, Any]) -> Answer:
        return one(self._update_contact(sid, change))

    def get_contact(self, sid: str) -> Answer:
        return one((200, None, self.shown(sid)) if sid in self.contacts else NOT_FOUND)

    def delete_contact(self, sid: str) -> Answer:
        if sid not in self.contacts:
            return one(NOT_FOUND)
        gone = self.shown(sid)
        del self.contacts[sid]
        for members in self.members.values():
            if sid in members:
                members.remove(sid)
        return one((200, None, gone))

    def delete_contacts(self, items: list[dict[str, Any]]) -> Answer:
        return bulk([self._delete_named(item) for item in items])

    def list_contacts(
        self, window: tuple[int, int], field: str, down: bool, name: str | None, of: list[str] | None, shown: bool
    ) -> Answer:
        found = list(self.contacts)
        if name is not None:
            found = [sid for sid in found if name.casefold() in self._full_name(sid).casefold()]
        if of is not None:
            found = [sid for sid in found if any(sid in self.members.get(each, []) for each in of)]
        found.sort(key=lambda sid: self._order(sid, field), reverse=down)
        return page(found, window, lambda sid: self._with_lists(sid) if shown else self.shown(sid))

    def shown(self, sid: str) -> dict[str, Any]:
        uri = f"/v2/accounts/{self.account}/contacts/{sid}"
        return {"sid": sid, "account_sid": self.account, **self.contacts[sid], "uri": uri}

    # Lists

    def create_lists(self, items: list[dict[str, Any]], answered: list[dict[str, Any]]) -> Answer:
        results: list[Item] = []
        for item, answer in zip(items, answered, strict=True):
            refusal = self._name_refused(item["name"], None)
            if refusal is not None:
                results.append(refusal)
                continue
            sid = answer["data"]["sid"]
            self.lists[sid] = {"name": item["name"].strip(), "tag": item.get("tag") or None}
            self.members[sid] = []
            results.append((200, None, self.list_shown(sid)))
        return bulk(results)

    def update_list(self, sid: str, change: dict[str, Any]) -> Answer:
        return one(self._update_list(sid, change))

    def update_lists(self, items: list[dict[str, Any]]) -> Answer:
        return bulk([self._update_list(item["sid"], item) for item in items])

    def get_list(self, sid: str) -> Answer:
        return one((200, None, self.list_shown(sid)) if sid in self.lists else NOT_FOUND)

    def delete_list(self, sid: str) -> Answer:
        if sid not in self.lists:
            return one(NOT_FOUND)
        gone = self.list_shown(sid)
        del self.lists[sid], self.members[sid]
        return one((200, None, gone))

    def list_lists(self, window: tuple[int, int], field: str, down: bool, name: str | None) -> Answer:
        found = [sid for sid in self.lists if name is None or name.casefold() in self.lists[sid]["name"].casefold()]
        key = (lambda sid: (self.lists[sid]["name"].encode(), sid)) if field == "name" else (lambda sid: (b"", sid))
        return page(sorted(found, key=key, reverse=down), window, self.list_shown)

    def list_shown(self, sid: str) -> dict[str, Any]:
        return {
            "sid": sid,
            "account_sid": self.account,
            **self.lists[sid],
            "type": "static",
            "contact_count": len(self.members[sid]),
            "uri": f"/v2/accounts/{self.account}/lists/{sid}",
        }

    # Members

    def add_members(self, sid: str, contacts: list[str]) -> Answer:
        if sid not in self.lists:
            return one(NOT_FOUND)
        return bulk([self._add_member(sid, contact) for contact in contacts])

    def remove_member(self, sid: str, contact: str) -> Answer:
        if sid not in self.lists or contact not in self.members[sid]:
            return one(NOT_FOUND)
        self.members[sid].remove(contact)
        return one((200, None, self.shown(contact) | {"list_id": sid}))

    def remove_members(self, sid: str, contacts: list[str]) -> Answer:
        if sid not in self.lists:
            return one(NOT_FOUND)
        return bulk([self.remove_member(sid, contact)[2] for contact in contacts])

    def list_members(self, sid: str, window: tuple[int, int]) -> Answer:
        if sid not in self.lists:
            return one(NOT_FOUND)
        return page(self.members[sid], window, self.shown)

    def _add_member(self, sid: str, contact: str) -> Item:
        if contact not in self.contacts:
            return NOT_FOUND
        member = self.shown(contact) | {"list_id": sid}
        if contact in self.members[sid]:
            return 409, 1008, member
        self.members[sid].append(contact)
        return 200, None, member

    def _update_contact(self, sid: str, change: dict[str, Any]) -> Item:
        if sid not in self.contacts:
            return NOT_FOUND
        if "number" in change and self._with_number(change["number"]) not in (None, sid):
            return 409, 1008, None
        self.contacts[sid] |= {field: value for field, value in change.items() if field in ("number", *OPTIONAL)}
        self._clear_empty(sid)
        return 200, None, self.shown(sid)

    def _delete_named(self, item: dict[str, Any]) -> Item:
        sid = item.get("sid") or self._with_number(item["number"])
        if sid not in self.contacts or item.get("number") not in (None, self.contacts[sid]["number"]):
            return NOT_FOUND
        gone: Item = self.delete_contact(sid)[2]
        return gone

    def _update_list(self, sid: str, change: dict[str, Any]) -> Item:
        if "name" in change and not change["name"].strip():
            return 400, 1001, None
        if sid not in self.lists:
            return NOT_FOUND
        refusal = self._name_refused(change["name"], sid) if "name" in change else None
        if refusal is not None:
            return refusal
        if "name" in change:
            self.lists[sid]["name"] = change["name"].strip()
        if "tag" in change:
            self.lists[sid]["tag"] = change["tag"] or None
        return 200, None, self.list_shown(sid)

    def _name_refused(self, name: str, own: str | None) -> Item | None:
        if not name.strip():
            return 400, 1001, None
        taken = any(each["name"] == name.strip() for sid, each in self.lists.items() if sid != own)
        return (409, 1008, None) if taken else None

    def _with_number(self, number: str) -> str | None:
        return next((sid for sid, contact in self.contacts.items() if contact["number"] == number), None)

    def _with_lists(self, sid: str) -> dict[str, Any]:
        lists = [
            {"sid": each, "name": self.lists[each]["name"]} for each, in_it in self.members.items() if sid in in_it
        ]
        return self.shown(sid) | {"lists": sorted(lists, key=lambda each: each["name"].encode())}

    def _order(self, sid: str, field: str) -> tuple[bytes, str]:
        # Bytes of UTF-8, unset the smallest, ties by age: sids ascend.
        return (b"" if field == "date_created" else (self.contacts[sid][field] or "").encode()), sid

    def _full_name(self, sid: str) -> str:
        contact = self.contacts[sid]
        return " ".join(name for name in (contact["first_name"], contact["last_name"]) if name)

    def _clear_empty(self, sid: str) -> None:
        self.contacts[sid] = {field: None if value == "" else value for field, value in self.contacts[sid].items()}


def one(item: Item) -> Answer:
    return item[0], None, item


def bulk(items: list[Item]) -> Answer:
    failed = sum(item[1] is not None for item in items)
    return 207 if failed else 200, {"failed": failed, "total": len(items), "success": len(items) - failed}, items


def page(sids: list[str], window: tuple[int, int], show: Any) -> Answer:
    offset, limit = window
    shown = [(200, None, show(sid)) for sid in sids[offset : offset + limit]]
    return 200, {"count": len(shown), "offset": offset, "limit": limit, "total": len(sids)}, shown
