"""The folder of uploads' files: each book has one of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dialbook.settings import Settings
from dialbook.store.spool import open_spool
from tests.conftest import NUMBERS, Client, Server, serving, work_off
from tests.server.uploads.sending import status_of, to_csv


def test_books_that_share_a_folder_leave_each_others_files_alone(
    server: Server, new_database: Callable[[], str], connect: Callable[..., Client]
) -> None:
    folder = str(Path(server.settings.upload_folder).parent / "shared")
    with (
        serving(Settings(database=new_database(), upload_folder=folder)) as one,
        serving(Settings(database=new_database(), upload_folder=folder)) as other,
    ):
        api, theirs = connect(to=one), connect(to=other)
        answer, their_answer = api.upload(b"number\n"), theirs.upload(to_csv(["number"], [NUMBERS[0]]))

        work_off(one)
        work_off(other)

        assert status_of(api, answer)["status"] == "completed"
        assert status_of(theirs, their_answer)["stats"]["success"] == 1


HERE = "postgresql://dialbook:secret@db.example:5432/book"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{HERE}?host=/run/a", f"{HERE}?host=/run/b"),
        (HERE, f"{HERE}?port=5433"),
        (HERE, f"{HERE}?options=-csearch_path%3Dother"),
        ("postgresql://one@db.example", "postgresql://other@db.example"),
        ("postgresql:///book?service=one", "postgresql:///book?service=other"),
    ],
)
def test_each_book_has_a_folder_of_its_own(one: str, other: str) -> None:
    assert open_spool("uploads", one).folder != open_spool("uploads", other).folder


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("postgresql:///book", "PGPORT"),
        ("postgresql:///book", "PGHOST"),
        ("postgresql://dialbook@db.example", "PGDATABASE"),
        ("postgresql:///book", "PGSERVICE"),
        ("postgresql://db.example", "PGUSER"),
        ("postgresql://dialbook@[::1]/book", "PGPORT"),
    ],
)
def test_so_has_one_whose_place_the_environment_says(url: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "one")
    one = open_spool("uploads", url).folder
    monkeypatch.setenv(variable, "other")

    assert open_spool("uploads", url).folder != one


@pytest.mark.sqlite
@pytest.mark.parametrize("variable", ["PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"])
def test_what_the_url_says_counts(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = open_spool("uploads", HERE).folder
    monkeypatch.setenv(variable, "other")

    assert open_spool("uploads", HERE).folder == folder


@pytest.mark.sqlite
def test_a_user_whose_name_the_database_does_not_have_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATABASE", "book")
    folders = [open_spool("uploads", url).folder for url in ("postgresql://h", "postgresql://h?dbname=book")]
    monkeypatch.setenv("PGUSER", "other")

    assert folders == [open_spool("uploads", url).folder for url in ("postgresql://h", "postgresql://h?dbname=book")]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://somebody:else@db.example:5432/book",
        f"{HERE}?sslmode=require&connect_timeout=3",
        f"{HERE}?application_name=x",
        "postgresql://db.example:5432/book",
        "postgres://db.example:5432/book",
        "postgres://somebody@db.example:5432/book",
    ],
)
def test_a_book_has_one_folder_however_it_is_asked_for(url: str) -> None:
    assert open_spool("uploads", url).folder == open_spool("uploads", HERE).folder
