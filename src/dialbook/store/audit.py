"""Writing the audit log: an entry is written with what it tells of, in one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from inspect import unwrap
from itertools import takewhile
from typing import Concatenate, ParamSpec, TypeVar

from msgspec.structs import asdict

from dialbook.model.account import ApiKey
from dialbook.model.audit import NOBODY, Author, Effect, Entry, Head, Via, write_runs
from dialbook.model.bulk import accepted
from dialbook.model.contact import Contact
from dialbook.model.errors import Unavailable
from dialbook.model.lists import ContactList
from dialbook.model.moment import utc_text
from dialbook.model.upload import Upload
from dialbook.store.accounts import Credentials, begin_log
from dialbook.store.database import Tx

P = ParamSpec("P")
R = TypeVar("R")

SIDS = ("list_sid", "sid", "key")  # what arguments are called that the log may have
NAMED = ("account", *SIDS)

PRUNE = "prune_audit"  # the action of the entry that says where the chain begins
PRUNED_AT_ONCE = 1000  # entries
# Going on after the last entry that is there would hide that others may have been after it.
LOST_END = (
    "The account's audit log is damaged ('dialbook audit verify' says how): nothing can be changed until it is mended."
)


def recorded(fn: Callable[Concatenate[Tx, P], R], author: Author) -> Callable[Concatenate[Tx, P], R]:
    """A change that is noted in the account's log under its function's name, unless it is refused as a whole.

    Args:
        fn: a storage function. The first of its arguments is the `account`; of the others the log has those of SIDS.
        author: who makes the change.

    Raises:
        TypeError: its first argument is called otherwise: it may be anything, even a secret.
    """
    code = unwrap(fn).__code__
    _, *names = code.co_varnames[: code.co_argcount]
    if names[:1] != ["account"]:
        raise TypeError(f"{fn.__name__} does not begin with the account in whose log it is to be noted")

    @wraps(fn)
    def change(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> R:
        result = fn(tx, *args, **kwargs)
        given = {name: str(value) for name, value in zip(names, args, strict=False) if name in NAMED}
        effect = _effect_of(result, [given[name] for name in SIDS if name in given])
        if effect.succeeded or effect.failed:
            note(tx, given["account"], author, fn.__name__, effect)
        return result

    return change


def note(tx: Tx, account: str, author: Author, action: str, effect: Effect) -> Head:
    """Write an entry at the end of an account's chain, and return where the chain ends now."""
    head = _lock_chain(tx, account)
    entry = Entry(
        account,
        head.number + 1,
        utc_text(author.moment),
        str(author.via),
        author.key,
        action,
        write_runs(effect.touched),
        effect.succeeded,
        effect.failed,
        effect.refusal,
        author.request,
    )
    head = Head(entry.number, entry.hash(head.hash))
    tx.run(
        """
        INSERT INTO audit_entries (account, number, moment, via, key, action, touched, succeeded, failed, refusal,
                                   request, hash)
        VALUES (:account, :number, :moment, :via, :key, :action, :touched, :succeeded, :failed, :refusal,
                :request, :hash)
        """,
        **asdict(entry),
        hash=head.hash,
    )
    tx.run(
        "UPDATE audit_chains SET number = :number, hash = :hash WHERE account = :account",
        account=account,
        number=head.number,
        hash=head.hash,
    )
    return head


def note_refusals(tx: Tx, account: str, refusals: Sequence[tuple[Author, str, Effect]]) -> None:
    """Write what was refused, each with its author and action; where there is no such account, as nobody's."""
    known = tx.one("SELECT 1 FROM accounts AS a WHERE a.account = :account", account=account)
    for author, action, effect in refusals:
        note(tx, account if known else NOBODY, author, action, effect)


def prune(tx: Tx, account: str, *, before: datetime, now: datetime) -> int:
    """Delete the oldest entries of a chain, a bounded number of those from before a moment; return how many.

    The chain then begins after the last of them, which an entry says too.
    """
    _lock_chain(tx, account)
    oldest = tx.all(
        """
        SELECT e.number, e.hash, e.moment FROM audit_entries AS e
        WHERE e.account = :account
        ORDER BY e.number
        LIMIT :limit
        """,
        account=account,
        limit=PRUNED_AT_ONCE,
    )
    old = list(takewhile(lambda row: row[2] < utc_text(before), oldest))
    if not old:
        return 0
    last = Head(*old[-1][:2])
    tx.run(
        "DELETE FROM audit_entries WHERE account = :account AND number <= :number", account=account, number=last.number
    )
    tx.run(
        "UPDATE audit_chains SET pruned = :number, pruned_hash = :hash WHERE account = :account",
        account=account,
        number=last.number,
        hash=last.hash,
    )
    note(tx, account, Author(Via.JOB, now), PRUNE, Effect([str(last)], succeeded=len(old)))
    return len(old)


def takes_entries(tx: Tx, account: str) -> bool:
    """Whether an account's log can be written to, as it cannot where it is damaged."""
    try:
        _lock_chain(tx, account)
    except Unavailable:
        return False
    return True


def _lock_chain(tx: Tx, account: str) -> Head:
    """The end of a chain; nobody else writes to it until this transaction ends.

    Raises:
        Unavailable: it is not kept any more where the chain ends.
    """
    if account == NOBODY:
        begin_log(tx, NOBODY)
    # An update locks the row on both engines; SELECT … FOR UPDATE would on one only.
    row = tx.one(
        "UPDATE audit_chains SET number = number WHERE account = :account RETURNING number, hash", account=account
    )
    if row is None or (row[0] == 0 and _has_entries(tx, account)):
        raise Unavailable(LOST_END)
    return Head(*row)


def _has_entries(tx: Tx, account: str) -> bool:
    row = tx.one("SELECT 1 FROM audit_entries AS e WHERE e.account = :account LIMIT 1", account=account)
    return row is not None


def _effect_of(result: object, named: Sequence[str]) -> Effect:
    """What a change did, of what its function gave back and which sids it was given."""
    if isinstance(result, Effect):
        return result
    outcomes = result if isinstance(result, list) else [result]
    good = accepted(outcomes)
    touched = [sid for each in good for sid in _sids_of(each)]
    return Effect([*named, *touched], succeeded=len(good), failed=len(outcomes) - len(good))


def _sids_of(thing: object) -> Sequence[str]:
    match thing:
        case Contact() | ContactList():
            return [thing.sid]
        case Upload():
            return [thing.sid, thing.list_sid] if thing.list_sid else [thing.sid]
        case ApiKey():
            return [thing.key]
        case Credentials():
            return [thing.api_key]
    return []
