"""`dialbook key`: a token is shown once and kept nowhere; a key says what it may do and until when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.model.credentials import new_token
from tests.conftest import run_cli
from tests.sqlite import beside, path_of

SECRET = "a secret for tests alone, 32 or more"


@pytest.fixture
def book(database: str) -> str:
    """A database with one account, `acme`."""
    run_cli("account", "create", "acme", "--database", database)
    return database


def run(book: str, *arguments: str) -> Result:
    """What a person sees who types this."""
    return CliRunner().invoke(dialbook, ["key", *arguments, "--database", book], catch_exceptions=False)


def listed(book: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run_cli("key", "list", "acme", "--database", book)
    return found


def let_expire(book: str, key: str) -> None:
    """Turn the clock for one key: the command line refuses to make a key that is past already."""
    past = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    connection = beside(book)
    connection.execute("UPDATE api_keys SET expires = ? WHERE key = ?", (past, key))
    connection.close()


def test_a_person_gets_key_and_token_and_is_told_to_keep_the_token(book: str) -> None:
    result = run(book, "create", "acme")

    (key,) = listed(book)
    first, second = result.stdout.splitlines()
    assert first == f"API key    {key['api_key']}"
    assert second.startswith("API token  ")
    assert result.stderr == "The token is kept nowhere: write it down now.\n"


def test_a_program_gets_key_and_token(book: str) -> None:
    made = run_cli("key", "create", "acme", "--database", book)

    assert [*made] == ["account_sid", "api_key", "api_token"]
    assert made["account_sid"] == "acme"


def test_a_token_is_kept_nowhere(book: str) -> None:
    token = run_cli("key", "create", "acme", "--name", "reporting", "--database", book)["api_token"]

    shown = run(book, "list", "acme")
    as_json = run(book, "list", "acme", "--json")

    kept = b"".join(each.read_bytes() for each in path_of(book).parent.iterdir())
    assert token not in shown.output + as_json.output
    assert "token" not in as_json.output
    assert token.encode() not in kept
    assert b"reporting" in kept


@pytest.mark.parametrize("secret", ["", SECRET])
def test_whose_a_token_is_that_was_found(secret: str, book: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALBOOK_TOKEN_SECRET", secret)
    run_cli("account", "create", "other", "--database", book)
    keys = [run_cli("key", "create", account, "--database", book) for account in ("acme", "acme", "other")]

    def find(token: str) -> Result:
        command = ["key", "find", "--json", "--database", book]
        return CliRunner().invoke(dialbook, command, input=f"{token}\n", catch_exceptions=False)

    monkeypatch.setenv("DIALBOOK_TOKEN", keys[0]["api_token"])  # the operator's own
    for key in keys:
        (found,) = msgspec.json.decode(find(f'TOKEN="{key["api_token"]}"').stdout)
        assert (found["account_sid"], found["api_key"]) == (key["account_sid"], key["api_key"])
    assert "Error: No key has that token.\n" in find(new_token()).stderr
    assert "Error: There is no token in what was given" in find("dbk_nobodys").stderr


def test_a_key_may_be_used_from_anywhere_or_from_the_networks_that_were_given(book: str) -> None:
    made = [
        run_cli("key", "create", "acme", *options, "--database", book)["api_key"]
        for options in (
            [],
            ["--allow", "192.0.2.7", "--allow", "2001:db8::/32"],
            ["--allow", "10.0.0.0/8,192.0.2.0/24"],
        )
    ]

    found = {each["api_key"]: each["allowed_from"] for each in listed(book)}

    assert [found[key] for key in made] == [None, "192.0.2.7/32, 2001:db8::/32", "10.0.0.0/8, 192.0.2.0/24"]
    assert "192.0.2.7/32, 2001:db8::/32" in run(book, "list", "acme").stdout


@pytest.mark.parametrize("given", ["office", "192.0.2.0/33", "192.0.2", "2001:db8::g"])
@pytest.mark.parametrize("command", ["create", "update"])
def test_what_is_no_network_is_refused(command: str, given: str, book: str) -> None:
    key = run_cli("key", "create", "acme", "--allow", "192.0.2.7", "--database", book)["api_key"]
    arguments = ["create", "acme"] if command == "create" else ["update", "acme", key]

    result = run(book, *arguments, "--allow", given)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: '{given}' is no address and no network, as 192.0.2.7 and 192.0.2.0/24 are.\n"
    assert [each["allowed_from"] for each in listed(book)] == ["192.0.2.7/32"]


@pytest.mark.sqlite
@pytest.mark.parametrize("given", [[""], [" , "], ["192.0.2.7", ""]], ids=["empty", "comma", "one of two"])
@pytest.mark.parametrize("command", ["create", "update"])
def test_an_empty_network_opens_no_key_for_everywhere(command: str, given: list[str], book: str) -> None:
    """As of a shell's variable that is not set."""
    key = run_cli("key", "create", "acme", "--allow", "192.0.2.7", "--database", book)["api_key"]
    arguments = ["create", "acme"] if command == "create" else ["update", "acme", key]

    result = run(book, *arguments, *(f"--allow={each}" for each in given))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: --allow must not be empty; ")
    assert [each["allowed_from"] for each in listed(book)] == ["192.0.2.7/32"]


def test_an_address_in_the_place_of_its_network_is_refused_with_the_network(book: str) -> None:
    result = run(book, "create", "acme", "--allow", "192.0.2.7/24")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: '192.0.2.7/24' is an address amid a network: write 192.0.2.0/24, or the address alone.\n"
    )


def test_from_where_a_key_may_be_used_can_be_changed(book: str) -> None:
    key = run_cli("key", "create", "acme", "--database", book)["api_key"]

    narrowed = run(book, "update", "acme", key, "--allow", "192.0.2.0/24")
    changed = run_cli("key", "update", "acme", key, "--allow", "10.0.0.0/8", "--database", book)
    opened = run(book, "update", "acme", key, "--allow-all")

    assert narrowed.stdout == f"Key {key} may be used from 192.0.2.0/24.\n"
    assert changed["allowed_from"] == "10.0.0.0/8"
    assert opened.stdout == f"Key {key} may be used from anywhere.\n"
    assert [each["allowed_from"] for each in listed(book)] == [None]


@pytest.mark.parametrize("options", [[], ["--allow-all", "--allow", "192.0.2.7"]], ids=["neither", "both"])
def test_what_is_to_change_has_to_be_said_once(options: list[str], book: str) -> None:
    result = run(book, "update", "acme", "0" * 32, *options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Give --allow or --allow-all." in result.stderr


def test_a_key_is_not_made_with_another_secret_than_those_before_it(book: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server could check both: somebody has forgotten the secret, or has not sealed what was there."""
    plain = run_cli("key", "create", "acme", "--database", book)["api_key"]
    monkeypatch.setenv("DIALBOOK_TOKEN_SECRET", SECRET)

    refused = run(book, "create", "acme")
    sealed = run(book, "seal")
    made = run_cli("key", "create", "acme", "--database", book)
    monkeypatch.delenv("DIALBOOK_TOKEN_SECRET")
    forgotten = run(book, "create", "acme")
    monkeypatch.setenv("DIALBOOK_TOKEN_SECRET", f"another one, {SECRET}")
    mistaken = run(book, "create", "acme")

    assert (refused.exit_code, forgotten.exit_code, mistaken.exit_code) == (1, 1, 1)
    assert "token_secret is not the one that live keys were made with (1 of them)" in refused.stderr
    assert "token_secret is not the one that live keys were made with (2 of them)" in forgotten.stderr
    assert forgotten.stderr == mistaken.stderr
    assert SECRET not in mistaken.stderr
    assert sealed.stdout == "1 key sealed.\n"
    assert {each["api_key"] for each in listed(book)} == {plain, made["api_key"]}


@pytest.mark.parametrize("closed", ["revoked", "expired"])
def test_keys_that_open_nothing_any_more_keep_nobody_from_a_new_secret(
    closed: str, book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = run_cli("key", "create", "acme", "--expires", "1d", "--database", book)["api_key"]
    if closed == "expired":
        let_expire(book, key)
    else:
        run_cli("key", "revoke", "acme", key, "--database", book)
    monkeypatch.setenv("DIALBOOK_TOKEN_SECRET", SECRET)

    run_cli("key", "create", "acme", "--database", book)

    assert len(listed(book)) == 2


def test_without_a_secret_there_is_nothing_to_seal_with(book: str) -> None:
    result = run(book, "seal")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no token_secret to seal anything with: set it first.\n"


def test_no_two_keys_are_alike(book: str) -> None:
    made = [run_cli("key", "create", "acme", "--database", book) for _ in range(10)]

    assert len({each["api_key"] for each in made}) == len({each["api_token"] for each in made}) == 10


@pytest.mark.parametrize(
    ("options", "scopes"),
    [
        ([], "read write"),
        (["--scope", "read"], "read"),
        (["--scope", "write"], "write"),
        (["--scope", "write", "--scope", "read"], "read write"),
        (["--scope", "read", "--scope", "read"], "read"),
    ],
)
def test_a_key_has_the_scopes_that_were_asked_for_or_both(options: list[str], scopes: str, book: str) -> None:
    run_cli("key", "create", "acme", *options, "--database", book)

    assert [each["scopes"] for each in listed(book)] == [scopes]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2999-01-31", "2999-01-31T00:00:00Z"),
        ("2999-01-31T12:00:00Z", "2999-01-31T12:00:00Z"),
        ("2999-01-31T12:00:00+05:30", "2999-01-31T06:30:00Z"),
        ("2999-01-31T12:00:00", "2999-01-31T12:00:00Z"),
    ],
)
def test_an_expiry_may_be_a_date_or_a_time(given: str, kept: str, book: str) -> None:
    run_cli("key", "create", "acme", "--expires", given, "--database", book)

    assert [each["date_expires"] for each in listed(book)] == [kept]


def test_an_expiry_may_be_days_from_now(book: str) -> None:
    run_cli("key", "create", "acme", "--expires", "90d", "--database", book)

    (key,) = listed(book)
    lifetime = datetime.fromisoformat(key["date_expires"]) - datetime.fromisoformat(key["date_created"])
    assert lifetime == timedelta(days=90)


def test_a_key_without_expiry_has_none(book: str) -> None:
    run_cli("key", "create", "acme", "--database", book)

    assert [each["date_expires"] for each in listed(book)] == [None]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("tomorrow", "2027-01-31, 2027-01-31T12:00:00Z or 90d"),
        ("2999-02-30", "2027-01-31, 2027-01-31T12:00:00Z or 90d"),
        ("-5d", "2027-01-31, 2027-01-31T12:00:00Z or 90d"),
        ("90", "2027-01-31, 2027-01-31T12:00:00Z or 90d"),
        ("", "2027-01-31, 2027-01-31T12:00:00Z or 90d"),
        ("999999d", "2027-01-31, 2027-01-31T12:00:00Z or 90d"),
        ("2020-01-31", "which is past"),
        ("2020-01-31T12:00:00Z", "which is past"),
        ("0d", "which is past"),
        ("9999-12-31T23:59:59-23:00", "--expires is"),
    ],
)
def test_an_expiry_that_is_none_or_past_is_refused(given: str, says: str, book: str) -> None:
    result = run(book, "create", "acme", "--expires", given)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: --expires is ")
    assert repr(given) in result.stderr
    assert says in result.stderr
    assert listed(book) == []


def test_the_list_says_which_keys_are_live_expired_or_revoked(book: str) -> None:
    live, expired, revoked = (
        run_cli("key", "create", "acme", "--name", name, "--expires", "1d", "--database", book)["api_key"]
        for name in ("live", "expired", "revoked")
    )
    let_expire(book, expired)
    run_cli("key", "revoke", "acme", revoked, "--database", book)

    keys = {each["api_key"]: each for each in listed(book)}

    assert {key: each["status"] for key, each in keys.items()} == {
        live: "live",
        expired: "expired",
        revoked: "revoked",
    }
    assert all(each["status"] == each["name"] for each in keys.values())
    assert [keys[key]["date_revoked"] is None for key in (live, expired, revoked)] == [True, True, False]


def test_the_table_shows_each_key_whole_so_that_it_can_be_revoked(book: str) -> None:
    """As it is printed into a pipe or a terminal of 80 columns."""
    made = run_cli("key", "create", "acme", "--name", "reporting", "--expires", "90d", "--database", book)

    shown = run(book, "list", "acme")

    assert shown.stdout.split()[:4] == ["KEY", "NAME", "SCOPES", "STATUS"]
    assert made["api_key"] in shown.stdout


def test_a_revoked_key_stays_in_the_list_with_its_moment(book: str) -> None:
    key = run_cli("key", "create", "acme", "--database", book)["api_key"]

    result = run(book, "revoke", "acme", key)

    (kept,) = listed(book)
    assert kept["status"] == "revoked"
    assert result.stdout == f"Key {key} is revoked since {kept['date_revoked']}.\n"


def test_revoking_twice_keeps_the_first_moment(book: str) -> None:
    key = run_cli("key", "create", "acme", "--database", book)["api_key"]
    run_cli("key", "revoke", "acme", key, "--database", book)
    connection = beside(book)
    connection.execute("UPDATE api_keys SET revoked = '2021-05-02T14:36:31Z' WHERE key = ?", (key,))
    connection.close()

    again = run_cli("key", "revoke", "acme", key, "--database", book)

    assert again["date_revoked"] == "2021-05-02T14:36:31Z"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["create", "nobody"], "There is no account 'nobody'."),
        (["list", "nobody"], "There is no account 'nobody'."),
        (["revoke", "nobody", "0" * 32], f"Account 'nobody' has no key '{'0' * 32}'."),
        (["revoke", "acme", "0" * 32], f"Account 'acme' has no key '{'0' * 32}'."),
        (["update", "acme", "0" * 32, "--allow-all"], f"Account 'acme' has no key '{'0' * 32}'."),
    ],
)
def test_what_does_not_exist_is_said_so(arguments: list[str], says: str, book: str) -> None:
    result = run(book, *arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {says}\n"


@pytest.mark.parametrize("command", [["revoke"], ["update", "--allow", "192.0.2.7"]], ids=["revoke", "update"])
def test_a_key_of_another_account_cannot_be_changed(command: list[str], book: str) -> None:
    run_cli("account", "create", "stranger", "--database", book)
    key = run_cli("key", "create", "acme", "--database", book)["api_key"]

    result = run(book, *command, "stranger", key)

    assert result.exit_code == 1
    assert [(each["status"], each["allowed_from"]) for each in listed(book)] == [("live", None)]


def test_a_scope_that_does_not_exist_is_refused_with_those_that_do(book: str) -> None:
    result = run(book, "create", "acme", "--scope", "admin")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "'read', 'write'" in result.stderr
    assert listed(book) == []
