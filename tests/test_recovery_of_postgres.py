"""What docs/operate.md says of PostgreSQL: a base backup and the archived log bring back any moment since."""

import shutil
from collections.abc import Callable

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, run_cli, serving
from tests.postgres import ask, run_postgres, running_postgres

# PostgreSQL runs both commands in its data folder.
KEEP = "mkdir -p ../archive && test ! -f ../archive/%f && cp %p ../archive/%f"
ARCHIVING = {"archive_mode": "on", "archive_command": f"'{KEEP}'"}
AFTER_BACKUP = 5  # requests that are answered between the backup and the moment to which is recovered


def test_a_moment_between_two_changes_comes_back(new_client: Callable[..., Client]) -> None:
    with running_postgres(settings=ARCHIVING) as postgres:
        base = postgres.data.parent / "base"
        url = postgres.create_book()
        with serving(Settings(database=url)) as server:
            client = new_client(server)
            client.create_contacts({"number": NUMBERS[0], "tag": "before the backup"})
            run_postgres(
                *("pg_basebackup", f"--pgdata={base}", f"--host={postgres.host}", f"--port={postgres.port}"),
                *("--username=dialbook", "--checkpoint=fast"),
            )
            run_postgres("pg_verifybackup", str(base))
            for number in NUMBERS[1 : 1 + AFTER_BACKUP]:
                client.create_contacts({"number": number, "tag": "acknowledged"})
            ((moment,),) = ask(url, "SELECT now()::text")
            client.create_contacts({"number": NUMBERS[50], "tag": "too late"})
        ask(url, "SELECT pg_switch_wal()")
        postgres.stop()

        shutil.rmtree(postgres.data)
        base.rename(postgres.data)
        (postgres.data / f".s.PGSQL.{postgres.port}.lock").unlink()  # here alone: these tests keep the socket there
        with (postgres.data / "postgresql.auto.conf").open("a") as settings:
            settings.write("restore_command = 'cp ../archive/%f %p'\n")
            settings.write(f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n")
        (postgres.data / "recovery.signal").touch()
        postgres.start()
        while ask(url, "SELECT pg_is_in_recovery()") != [(False,)]:
            pass

        found = ask(url, "SELECT number FROM contacts ORDER BY number")
        checks = run_cli("doctor", "--database", url)

    assert [number for (number,) in found] == NUMBERS[: 1 + AFTER_BACKUP]
    assert all(check["ok"] for check in checks)
