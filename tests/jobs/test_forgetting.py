"""What is kept for a while is forgotten after it, not before, and nothing else is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, forget_old, serving, work_off
from tests.test_audit import entries

FILE = f"number\nnone\n{NUMBERS[0]}\n".encode()  # a row of which goes into the report
ABOUT = timedelta(minutes=5)


def uploads_of(client: Client) -> list[str]:
    return [item["data"]["upload_id"] for item in client.get("/csv-status").json()["response"]]


def test_an_upload_is_remembered_for_some_days_after_its_end(
    new_database: Callable[[], str], new_client: Callable[..., Client]
) -> None:
    with serving(Settings(database=new_database(), report_days=7)) as server:
        client, other = new_client(server), new_client(server)
        client.upload(FILE)
        other.upload(FILE)
        work_off(server)
        client.upload(FILE)  # which goes on for longer
        waiting, ended = uploads_of(client)
        last_day = datetime.now(UTC) + timedelta(days=7)

        forget_old(server, last_day - ABOUT)
        kept = uploads_of(client)
        report = client.get(f"/csv-status/{ended}/errors").json()["response"]
        other_kept = uploads_of(other)
        forget_old(server, last_day + ABOUT)
        forget_old(server, last_day + ABOUT)

        assert kept == [waiting, ended]
        assert [row["data"]["line"] for row in report] == [2]
        assert uploads_of(client) == [waiting]
        assert client.get(f"/csv-status/{ended}").status_code == 404
        assert client.get(f"/csv-status/{ended}/errors").status_code == 404
        assert len(other_kept) == 1
        assert uploads_of(other) == []
        assert client.get("/contacts").json()["metadata"]["total"] == 1
        (note,) = [entry for entry in entries(client, server) if entry["action"] == "forget_upload"]
        assert (note["via"], note["touched"], note["succeeded"], note["failed"]) == ("job", [ended], 1, 0)
        work_off(server)
        assert client.get(f"/csv-status/{waiting}").json()["response"]["data"]["status"] == "completed"


def test_the_audit_log_loses_whole_days(new_database: Callable[[], str], new_client: Callable[..., Client]) -> None:
    # Its first entries are made by commands, which go by the time that it is.
    day = (datetime.now(UTC) + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    with serving(Settings(database=new_database(), audit_days=1), clock=lambda: day) as server:
        client = new_client(server)
        client.create_list()

        forget_old(server, day + timedelta(days=2) - timedelta(seconds=1))
        kept = entries(client, server)
        forget_old(server, day + timedelta(days=2))

        assert "create_lists" in [entry["action"] for entry in kept]
        assert "create_lists" not in [entry["action"] for entry in entries(client, server)]
