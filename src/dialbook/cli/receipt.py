"""The receipt of `dialbook erase`: it alone has the secret of its proof, so it is printed however the command ends."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from msgspec import Struct

from dialbook.cli.output import show, show_table
from dialbook.cli.signals import put_off
from dialbook.store.erasure import Erased

ENDED = "The command was ended before all of it was done: run it again."


class Receipt(Struct, kw_only=True):
    """What has come of an erasure by now, as programs get it."""

    moment: str
    secret: str  # the key of the proof
    accounts: list[Erased] = []
    upload_folder: str
    troubles: list[str] = []
    may_remain_in: Sequence[str]


@contextmanager
def shown_at_once(receipt: Receipt, *, as_json: bool) -> Iterator[None]:
    """Print for people what is erased in the block, however that ends: what comes after it may take minutes.

    Args:
        receipt: what the block adds to.
        as_json: whether a program reads it, which gets one document, at the end.
    """
    try:
        yield
    finally:
        if receipt.accounts and not as_json:
            _show_erased_if_possible(receipt)


@contextmanager
def completed(receipt: Receipt, *, as_json: bool) -> Iterator[None]:
    """Print at the end of the block, however that ends, what is not printed yet: for programs all of it.

    Args:
        receipt: what the block adds to; where it breaks off before anything is erased, nothing is printed.
        as_json: whether a program reads it.

    Raises:
        ClickException: there were troubles.
    """
    try:
        yield
    except BaseException:
        if receipt.accounts:
            receipt.troubles.append(ENDED)
            _show_rest(receipt, as_json=as_json)
            click.echo(ENDED, err=True)  # last: who has hung up has closed the terminal
        raise
    _show_rest(receipt, as_json=as_json)
    if receipt.troubles:
        raise click.ClickException(" ".join(receipt.troubles))


def _show_erased_if_possible(receipt: Receipt) -> None:
    try:
        with put_off():
            _show_erased(receipt)
    except OSError as error:  # what was asked for is done to its end all the same
        receipt.troubles.append(f"The receipt cannot be printed: {error.strerror}.")


def _show_erased(receipt: Receipt) -> None:
    rows = [
        [each.account_sid, each.contacts, each.memberships, each.report_rows, each.answers, each.entry]
        for each in receipt.accounts
    ]
    show_table(["ACCOUNT", "CONTACTS", "MEMBERSHIPS", "REPORT ROWS", "ANSWERS", "AUDIT ENTRY"], rows)
    for proof in dict.fromkeys(each.proof for each in receipt.accounts):  # the same in all that read the number alike
        click.echo(f"Proof: {proof}")
    click.echo(f"Secret of the proof: {receipt.secret}")
    for each in receipt.accounts:
        for sid in each.named_lists:
            click.echo(f"Left: the name or tag of list {sid} of account {each.account_sid} has the number.")
    if not any(each.contacts or each.report_rows or each.answers or each.named_lists for each in receipt.accounts):
        click.echo("Nothing was found about that number there.", err=True)


def _show_rest(receipt: Receipt, *, as_json: bool) -> None:
    with put_off():
        if as_json:
            show(receipt)
        elif receipt.accounts:
            click.echo(f"It may remain in {'; '.join(receipt.may_remain_in)}.", err=True)
