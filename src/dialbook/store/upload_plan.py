"""What is to become of the rows of an upload: who is made, who joins the list, who is filled in, who is rejected."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from dialbook.model.upload import OnDuplicate, Reason, Rejection, Upload, UploadRow


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
        is_member = found is not None and found.is_member
        if row.number in met or (is_member and upload.on_duplicate == OnDuplicate.SKIP):
            plan.rejected.append(_duplicate(row))
            continue
        if not is_member and len(plan.joining) >= room:
            plan.rejected.append(_no_room(row))
            continue
        met.add(row.number)
        if not is_member:
            plan.joining.append(row)
        if found is None:
            plan.new.append(row)
        elif upload.on_duplicate == OnDuplicate.UPDATE:
            plan.filled.append(row)
    return plan


def _duplicate(row: UploadRow) -> Rejection:
    description = f"{row.number} is in the list already, or in an earlier row."
    return Rejection(row.line, row.number, Reason.DUPLICATE, description, row.cells)


def _no_room(row: UploadRow) -> Rejection:
    return Rejection(row.line, row.number, Reason.LIST_FULL, "The list holds no more contacts.", row.cells)
