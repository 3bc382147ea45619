"""Uploads as a client sends them, and what becomes of them."""

import csv
import io
from pathlib import Path
from typing import Any

import httpx2

from tests.conftest import CHUNK, Client, Server, work_off

FORM = {"Content-Type": "multipart/form-data; boundary=form"}
PART = b'--form\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FILE = PART % (b"file_name", b"number\n")
NAME = PART % (b"list_name", b"Friends")
FIELDS = ("first_name", "last_name", "company_name", "email", "tag")


def to_csv(*rows: list[str], delimiter: str = ",", line_end: str = "\r\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    return text.getvalue().encode()


def status_of(client: Client, answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    data: dict[str, Any] = client.get(f"/csv-status/{upload_of(answer)}").json()["response"]["data"]
    return data


def upload_of(answer: httpx2.Response) -> str:
    return str(answer.json()["response"]["data"]["summary"]["upload_id"])


def report_of(client: Client, answer: httpx2.Response, **params: Any) -> list[dict[str, Any]]:
    page = client.get(f"/csv-status/{upload_of(answer)}/errors", **params).json()
    return [item["data"] for item in page["response"]]


def csv_report_of(client: Client, answer: httpx2.Response, **params: Any) -> str:
    """The report as somebody downloads it, to mend the rows and upload them again."""
    path, headers = f"/csv-status/{upload_of(answer)}/errors", {"Accept": "text/csv"}
    return client.request("GET", path, headers=headers, params=params).text


def cells_of(report: str) -> list[list[str]]:
    """The cells of a report, its first line among them."""
    return list(csv.reader(io.StringIO(report.removeprefix("\ufeff"), newline="")))


def upload(client: Client, server: Server, file: bytes, *, chunk: int = CHUNK, **fields: str) -> httpx2.Response:
    """Upload a file, and have it worked off."""
    answer = client.upload(file, **fields)
    assert answer.status_code == 202, answer.text
    work_off(server, chunk)
    return answer


def members_of(client: Client, answer: httpx2.Response, **params: Any) -> list[dict[str, Any]]:
    list_sid = answer.json()["response"]["data"]["summary"]["list_sid"]
    page = client.get(f"/lists/{list_sid}/contacts", limit=5000, **params).json()
    return [item["data"] for item in page["response"]]


def refusal_of(answer: httpx2.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["response"]["error_data"]["description"])


def files_in(server: Server) -> list[str]:
    folder = Path(server.settings.upload_folder)
    return [path.name for path in folder.glob("*/*") if path.name != "folder-name"]


def folder_of(server: Server) -> Path:
    """Where the server keeps the uploads of its book."""
    (folder,) = Path(server.settings.upload_folder).iterdir()
    return folder
