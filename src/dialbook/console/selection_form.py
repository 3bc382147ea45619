"""The form of work on a selection: whom it is about, what is to be done, and how far it is."""

from collections.abc import Mapping, Sequence
from secrets import token_urlsafe

from msgspec import Struct
from starlette.requests import Request

from dialbook.console.form import Form, as_text
from dialbook.console.members import FILTERS, read_filters
from dialbook.model.errors import Invalid, Missing, NotFound
from dialbook.model.lists import ContactList
from dialbook.server.context import account_of, service_of, sid_of
from dialbook.store.contacts import ContactFilter
from dialbook.store.lists import find_shown, get_list
from dialbook.store.member_search import Edge

PART = 2000  # contacts that are worked off together, and whom a form may name
MOST_TICKED = 500  # contacts: a page of them
REMOVE, COPY = "remove", "copy"


class Selection(Struct, frozen=True):
    """Whom it is about: the contacts that were ticked, or all whom a filter lets through."""

    sids: Sequence[str]
    is_all: bool
    given: Mapping[str, str]  # the filters, as they were typed
    filter: ContactFilter


class Work(Struct, frozen=True):
    """What is to be done, and how far it is."""

    list: ContactList
    selection: Selection
    action: str
    target: ContactList | None  # that they are copied to
    edge: Edge  # of the list when the question was asked
    key: str  # by which this work is told from any other
    total: int  # contacts that it is about
    done: int = 0
    passed: int = 0  # contacts who are in the other list already
    gone: int = 0  # contacts who have left what they are to be taken from
    after: int | None = -1  # the position that the next part comes after; None at the end
    refusal: str | None = None  # that ended it

    @property
    def seen(self) -> int:
        """How many are dealt with."""
        return self.done + self.passed + self.gone

    @property
    def unmet(self) -> int:
        """How many were not met at the end, being out of the list by then, or changed."""
        return 0 if self.refusal else max(0, self.total - self.seen)

    @property
    def percent(self) -> int:
        """How much of all is worked off."""
        return min(100, 100 * self.seen // self.total) if self.total else 100


async def read_work(request: Request, form: Form, selection: Selection) -> Work:
    """Read the work as a form has it: just chosen, or as far as it is."""
    found = await _read_source(request, form)
    action = form.text("action")
    if action not in {REMOVE, COPY}:
        raise Invalid(f"action is {action!r}; allowed are {REMOVE}, {COPY}.")
    return Work(
        found,
        selection,
        action,
        await _read_target(request, form, found) if action == COPY else None,
        Edge(form.count("end"), form.exact("changed")),
        key=form.text("key") or token_urlsafe(),
        total=form.count("total"),
        done=form.count("done"),
        passed=form.count("passed"),
        gone=form.count("gone"),
        after=form.count("after") - 1,
    )


def read_chosen(request: Request, form: Form) -> Selection:
    """Whom somebody chose."""
    return _selection(request, form, [] if form.text("all") else form.texts("contact"), MOST_TICKED)


def read_settled(request: Request, form: Form) -> Selection:
    """Whom the form of a question is about, as `_settle` has it."""
    return _selection(request, form, form.texts("contact"), max(PART, MOST_TICKED))


async def _read_source(request: Request, form: Form) -> ContactList:
    try:
        return await service_of(request).db.read(get_list, account_of(request).sid, sid_of(request, "list_sid"))
    except NotFound as missing:
        raise _deleted(form.lines("source_name")) or missing from None


async def _read_target(request: Request, form: Form, source: ContactList) -> ContactList:
    """The list that they are copied to: chosen by its name, and known by its sid from then on."""
    if sid := form.text("target"):
        try:
            return await service_of(request).db.read(get_list, source.account, sid)
        except NotFound as missing:
            raise _deleted(form.lines("target_name")) or missing from None
    name = form.text("list_name")
    if not name:
        raise Missing("Name the list that they are to be copied to.")
    found = await _find_named(request, name)
    if found.sid == source.sid:
        raise Invalid("They are in this list already; name another one.")
    return found


async def _find_named(request: Request, name: str) -> ContactList:
    """The one list that a page shows by this name."""
    found = await service_of(request).db.scan(find_shown, account_of(request).sid, as_text(name))
    if not found:
        raise NotFound(f"There is no list '{name}'.")
    if len(found) > 1:
        raise Invalid(f"{len(found)} lists are shown as '{name}', since line breaks are not: rename all but one.")
    return found[0]


def _deleted(name: str) -> NotFound | None:
    """The refusal of a list that was there when the question was asked, by the name that it had then."""
    return NotFound(f"The list '{name}' has been deleted meanwhile.") if name else None


def _selection(request: Request, form: Form, sids: Sequence[str], most: int) -> Selection:
    filters = read_filters(request, {name: form.exact(name) for name in FILTERS})
    if filters.refusal:
        raise filters.refusal
    if not sids and not form.text("all"):
        raise Missing("Tick the contacts that it is about, or all of them.")
    if len(sids) > most:
        raise Invalid(f"{len(sids)} contacts are ticked; at most {most} are allowed.")
    return Selection(sids, not sids, filters.given, filters.filter)
