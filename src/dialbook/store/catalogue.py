"""What a schema consists of: what a database has of it is compared with what the schema's steps make."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from dialbook.store.database import Check

NAMED = 5  # of what is missing, of what differs, and of what is another's
OWNED = ("column", "constraint", "rule", "trigger")  # have names that need that of their table beside them


class Thing(Struct, frozen=True):
    """A table, or what belongs to one, as an engine says it."""

    kind: str
    table: str
    name: str
    definition: str
    state: str = ""  # what is wrong with it besides; that of an index, that it is not valid

    @property
    def label(self) -> str:
        """What it is called."""
        of = f" of {self.table}" if self.kind in OWNED else ""
        return f"{self.kind} {self.name}{of}" + (f" ({self.state})" if self.state else "")

    @property
    def is_harmless(self) -> bool:
        """Whether it makes nobody's answer another, though the steps do not make it."""
        return self.kind == "table" or (self.definition.startswith("CREATE INDEX") and not self.state)


def compare(found: Iterable[Thing], made: Iterable[Thing]) -> Check:
    """Compare what a database has with what the steps make; tables of others, and what is at them, may be there."""
    theirs, ours = _by_name(found), _by_name(made)
    tables = {each.table for each in ours.values()}
    lacking = [each for key, each in ours.items() if key not in theirs]
    gone = {each.table for each in lacking if each.kind == "table"}
    missing = [each for each in lacking if each.kind == "table" or each.table not in gone]
    different = [theirs[key] for key in ours.keys() & theirs.keys() if theirs[key] != ours[key]]
    foreign = [theirs[key] for key in theirs.keys() - ours.keys() if theirs[key].table in tables]
    wrong = {
        "missing": missing,
        "not as it is made": different,
        "not Dialbook's": [each for each in foreign if not each.is_harmless],
    }
    says = "; ".join(f"{what}: {_named(things)}" for what, things in wrong.items() if things)
    return Check("tables and indexes", not says, says or f"as made, {len(ours)} of them")


def _by_name(things: Iterable[Thing]) -> dict[tuple[str, str, str], Thing]:
    return {(each.kind, each.table, each.name): each for each in things}


def _named(things: Sequence[Thing]) -> str:
    labels = sorted(each.label for each in things)
    more = len(labels) - NAMED
    return ", ".join(labels[:NAMED]) + (f" and {more} more" if more > 0 else "")
