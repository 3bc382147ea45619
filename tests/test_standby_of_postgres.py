"""PostgreSQL is a standby, as when an address has moved before it was promoted: nobody's change is a bug."""

from collections.abc import Callable

import httpx2
from click.testing import CliRunner

from dialbook.cli.main import dialbook
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, run_cli, serving
from tests.postgres import run_postgres, running_postgres

SAYS = "The database is a standby, which takes no changes until it is promoted."


def test_changes_are_refused_until_it_is_promoted_and_reads_are_answered(new_client: Callable[..., Client]) -> None:
    with running_postgres() as postgres:
        url = postgres.create_book()
        with serving(Settings(database=url)) as server:
            client = new_client(server, "acme")
            client.create_contacts({"number": NUMBERS[0]})
        postgres.stop()
        (postgres.data / "standby.signal").touch()
        postgres.start()
        with (
            serving(Settings(database=url)) as server,
            httpx2.Client(base_url=server.url, auth=client.http.auth) as http,
        ):
            client = Client(http, "acme", client.key, client.token)
            found = client.get("/contacts")
            refused = client.post("/contacts", {"contacts": [{"number": NUMBERS[1]}]})
            ready = httpx2.get(f"{server.url}/readyz")
            commands = [
                CliRunner().invoke(dialbook, [*command, "--database", url], catch_exceptions=False)
                for command in (
                    ("account", "create", "late"),
                    ("key", "create", "acme"),
                    ("erase", NUMBERS[0], "--account", "acme", "--yes"),
                    ("export-subject", NUMBERS[0], "--account", "acme"),
                )
            ]
            doctor = CliRunner().invoke(dialbook, ["doctor", "--database", url], catch_exceptions=False)
            migrated = run_cli("migrate", "--database", url)
            run_postgres("pg_ctl", f"--pgdata={postgres.data}", "--wait", "promote")
            made = client.post("/contacts", {"contacts": [{"number": NUMBERS[1]}]})
            ready_again = httpx2.get(f"{server.url}/readyz")
        checks = run_cli("doctor", "--database", url)

    assert (found.status_code, found.json()["metadata"]["total"]) == (200, 1)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert SAYS in refused.text
    assert (ready.status_code, ready.json()["reasons"]) == (503, [SAYS])
    assert [each.exit_code for each in commands] == [1] * 4
    assert all(
        each.stderr.splitlines()[-1].replace("Account acme: ", "").startswith(f"Error: {SAYS}") for each in commands
    )
    assert [line.split() for line in doctor.stdout.splitlines() if "WRONG" in line] == [
        ["takes", "changes", "WRONG", "no:", "it", "is", "a", "standby"]
    ]
    assert migrated["ok"]
    assert (made.status_code, ready_again.status_code) == (200, 200)
    assert all(check["ok"] for check in checks)
