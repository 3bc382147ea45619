"""What is to become of the rows of an upload: who is made, who joins the list, who is filled in, who is rejected."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field, json

from dialbook.model.upload import EXTRA_COLUMNS, OnDuplicate, Reason, Rejection, Upload, UploadRow, known_name


class Known(Struct, frozen=True, gc=False):
    """A contact that has a row's number; what the list keeps of it, if it is a member."""

    sid: str
    variables: str | None  # a JSON object, or empty; None of one who is no member

    @property
    def is_member(self) -> bool:
        """Whether it is in the list."""
        return self.variables is not None


class Plan(Struct):
    """What is to become of rows; one may have to join the list and be filled in as well."""

    new: list[UploadRow] = field(default_factory=list)  # whose contacts are made
    joining: list[UploadRow] = field(default_factory=list)  # whose contacts join the list
    filled: list[UploadRow] = field(default_factory=list)  # whose contacts are there, and take what the row gives
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        """How many are rejected for being there already."""
        return sum(row.reason == Reason.DUPLICATE for row in self.rejected)

    @property
    def failed(self) -> int:
        """How many are rejected for anything else."""
        return len(self.rejected) - self.duplicates


def plan_rows(
    upload: Upload, rows: Sequence[UploadRow | Rejection], known: Mapping[str, Known], met: set[str], *, room: int
) -> Plan:
    """Decide what is to become of each row.

    Args:
        upload: theirs.
        rows: of one chunk.
        known: the contacts that have one of their numbers, by number.
        met: those of their numbers that came in earlier chunks; the rest is added.
        room: how many contacts the list has a place for.
    """
    plan = Plan()
    for row in rows:
        if isinstance(row, Rejection):
            plan.rejected.append(row)
            continue
        found = known.get(row.number)
        refusal = _refusal(upload, row, found, is_met=row.number in met, is_full=len(plan.joining) >= room)
        if refusal:
            plan.rejected.append(refusal)
            continue
        met.add(row.number)
        if found is None or not found.is_member:
            plan.joining.append(row)
        if found is None:
            plan.new.append(row)
        elif upload.on_duplicate == OnDuplicate.UPDATE:
            plan.filled.append(row)
    return plan


def _refusal(upload: Upload, row: UploadRow, found: Known | None, *, is_met: bool, is_full: bool) -> Rejection | None:
    """Why a row cannot be written, if it cannot."""
    is_member = found is not None and found.is_member
    if is_met or (is_member and upload.on_duplicate == OnDuplicate.SKIP):
        return _duplicate(row)
    if not is_member and is_full:
        return _no_room(row)
    if found and (count := _columns_past_limit(found, row)):
        return _too_many_columns(row, count)
    return None


def _columns_past_limit(member: Known, row: UploadRow) -> int:
    """How many columns the list would keep of a member, if a row adds more than it may; otherwise 0."""
    if not member.variables or not row.variables:
        return 0
    kept = read_variables(member.variables)
    count = len(fill_in(kept, read_variables(row.variables)))
    # Of whom more is kept since before there was this limit, what is kept can still be changed.
    return count if count > max(len(kept), EXTRA_COLUMNS) else 0


def _duplicate(row: UploadRow) -> Rejection:
    description = f"{row.number} is in the list already, or in an earlier row."
    return Rejection(row.line, row.number, Reason.DUPLICATE, description, row.cells)


def _no_room(row: UploadRow) -> Rejection:
    return Rejection(row.line, row.number, Reason.LIST_FULL, "The list holds no more contacts.", row.cells)


def _too_many_columns(row: UploadRow, count: int) -> Rejection:
    description = (
        f"The list would keep {count} columns of its own of {row.number}; a dynamic list keeps up to {EXTRA_COLUMNS}."
    )
    return Rejection(row.line, row.number, Reason.VALUE_INVALID, description, row.cells)


def read_variables(text: str) -> dict[str, object]:
    """What a list keeps of a member, or a row gives of that."""
    return json.decode(text, type=dict[str, object]) if text else {}


def fill_in(kept: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    """What a list keeps of a member, with what a row gives; a column keeps the spelling that it has there."""
    spelt = {known_name(column): column for column in kept}
    return {**kept, **{spelt.get(known_name(column), column): value for column, value in given.items()}}
