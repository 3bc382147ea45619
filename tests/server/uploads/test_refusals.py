"""What is no such file, or no such form, is refused as a whole, and leaves nothing."""

import gzip
from collections.abc import Callable

import pytest

from tests.conftest import NUMBERS, Client, Server
from tests.server.uploads.sending import (
    FILE,
    FORM,
    NAME,
    PART,
    files_in,
    refusal_of,
)


@pytest.mark.parametrize(
    ("file", "description"),
    [
        (b"", "is empty"),
        (b"\n\n \n", "is empty"),
        (b",,\n , \n", "is empty"),
        (b"name,tag\n", "no column 'number'; its first line names 'name', 'tag'"),
        (b"number,number\n", "has the column 'number' twice"),
        (b"number,Number \n", "has the column 'Number' twice"),
        (b"sep=;\n", "is empty"),
        (b"sep=|\nnumber|tag\n", "no column 'number'; its first line names 'sep=|'"),
        (b"number,,tag\n", "no name for its column 2"),
        (b"number,city,age\n", "columns that a static list cannot keep: 'city', 'age'. Allowed are number, first_name"),
        (b'number\n"+91984', "is no CSV: unexpected end of data, in the record that begins on line 2."),
        (b'number\n\n1\n"a"b\n', "is no CSV: ',' expected after '\"', in the record that begins on line 4."),
        (b"number\n\xff\xfe\xff\n", "is not in UTF-8"),
        (b"number\n+91984\x00\n", "NUL on line 2"),
        ("number\n".encode("utf-16-le"), "NUL on line 1"),
        (b"PK\x03\x04\x14\x00", "is an Excel workbook"),
        (b"number\n" + b"\n" * 1_100_000, "more than 1000000 blank lines"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not in UTF-8"),
        (gzip.compress(b"number\n" + NUMBERS[0].encode(), mtime=0)[:-9], "gzip that is damaged or not whole"),
        (b"\x1f\x8bnothing", "gzip that is damaged or not whole"),
        (b"number," + b",".join(b"c%d" % i for i in range(9000)), "'c0', 'c1', 'c2', 'c3', 'c4' and 8995 more"),
    ],
)
def test_what_is_no_such_file_is_refused_and_leaves_nothing(
    file: bytes, description: str, api: Client, server: Server
) -> None:
    answer = api.upload(file)

    assert description in refusal_of(answer)
    assert api.get("/lists").json()["metadata"]["total"] == 0
    assert files_in(server) == []


@pytest.mark.parametrize(
    ("unpacked", "description"),
    [
        (b"number\n" + b"\n" * 3_000_000, "file_name is larger than 4096 characters."),
        (b"number\n" + b"x" * 3_000_000, "the record that begins on line 2 has more than 65536 characters."),
    ],
)
def test_what_unpacks_to_too_much_is_refused(
    unpacked: bytes, description: str, connect: Callable[..., Client], small: Server
) -> None:
    file = gzip.compress(unpacked)
    assert len(file) < small.settings.upload_limit

    answer = connect(to=small).upload(file)

    assert description in refusal_of(answer, 413)
    assert files_in(small) == []


@pytest.mark.parametrize(
    ("fields", "status", "description"),
    [
        ({"list_name": " "}, 400, "Name is mandatory"),
        ({"list_name": "x" * 256}, 400, "name has 256 characters"),
        ({"type": "fixed"}, 400, "type is 'fixed'; allowed are static, dynamic."),
        ({"on_duplicate": "merge"}, 400, "on_duplicate is 'merge'; allowed are skip, update."),
        ({"dry_run": "perhaps"}, 400, "dry_run is 'perhaps'; allowed are true and false."),
        ({"list_name": "x" * 5000}, 413, "list_name has more than 4096 bytes."),
    ],
)
def test_a_wrong_field_is_named(
    fields: dict[str, str], status: int, description: str, api: Client, server: Server
) -> None:
    answer = api.upload(b"number\n", **fields)

    assert description in refusal_of(answer, status)
    assert files_in(server) == []


@pytest.mark.parametrize(
    ("headers", "body", "status", "description"),
    [
        (FORM, NAME + FILE, 400, "The form ended early."),
        (FORM, b"", 400, "The form ended early."),
        (FORM, b"nothing of the kind", 400, "The body is not a form"),
        (FORM, NAME + b"--form--\r\n", 400, "file_name is mandatory"),
        (FORM, FILE + b"--form--\r\n", 400, "list_name is mandatory"),
        (FORM, NAME + NAME + FILE + b"--form--\r\n", 400, "has the part 'list_name' twice"),
        (FORM, NAME + FILE + FILE + b"--form--\r\n", 400, "has the part 'file_name' twice"),
        (FORM, (PART % (b"dryrun", b"true")) + b"--form--\r\n", 400, "a part 'dryrun'; allowed are list_name, type"),
        (FORM, b"--form\r\n" + b"X: y\r\n" * 50 + b"\r\n", 400, "The body is not a form"),
        (FORM, PART % (b"list_name", b"\xff") + FILE + b"--form--\r\n", 400, "not in UTF-8"),
        ({"Content-Type": "multipart/form-data"}, NAME, 400, "no boundary"),
        ({"Content-Type": "application/json"}, b"{}", 415, "send multipart/form-data"),
        ({**FORM, "Content-Encoding": "gzip"}, NAME, 415, "send the form as it is"),
    ],
)
def test_a_body_that_is_no_such_form_is_refused(
    headers: dict[str, str], body: bytes, status: int, description: str, api: Client, server: Server
) -> None:
    answer = api.request("POST", "/contacts/csv-upload", headers=headers, content=body)

    assert description in refusal_of(answer, status)
    assert files_in(server) == []


def test_an_upload_is_not_a_contact(api: Client) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = api.request(method, "/contacts/csv-upload")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
