"""`dialbook erase` and `dialbook export-subject`: where a person is found, in whatever form the number stands there."""

from pathlib import Path

import pytest

from tests.cli.test_erase import counts, erased, held
from tests.conftest import Client, Server, work_off

pytestmark = pytest.mark.sqlite

NUMBER = "+919845076543"
NAME, EMAIL = "Sighted-Name", "sighted@example.org"
AMID_OTHERS = (
    f"{NUMBER} x",
    f"tel:{NUMBER}",
    "98450 76543 (mobile)",
    "9845076543 / 9845000003",
    "+91 98450 76543;ext 4",
)


def traces(database: str) -> list[str]:
    """What is left of the person in the files of a book."""
    path = Path(database.removeprefix("sqlite:///"))
    content = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    return [trace for trace in (NAME, EMAIL, *AMID_OTHERS) if trace.encode() in content]


def test_rows_of_reports_are_found_whose_number_stands_amid_other_signs(api: Client, server: Server) -> None:
    rows = [f"{number},{NAME},{EMAIL}" for number in AMID_OTHERS]
    api.upload("\n".join(["number,first_name,email", *rows, "9845000003 x,Somebody,"]).encode(), "Leads")
    work_off(server)
    assert traces(server.database) == [NAME, EMAIL, *AMID_OTHERS]

    found = held(server, api, NUMBER)["upload_reports"]
    receipt = erased(server, api, NUMBER)

    assert [(row["reason"], row["cells"][0]) for row in found] == [("number_invalid", each) for each in AMID_OTHERS]
    assert counts(receipt) == (0, 0, 5, 0)
    assert [row["line"] for row in held(server, api, "9845000003")["upload_reports"]] == [7]
    assert traces(server.database) == []
