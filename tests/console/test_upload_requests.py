"""What the form that brings a file shows as a request: it does what the form says, and no more."""

import re
import shlex
from html import unescape
from itertools import pairwise

import pytest

from tests.conftest import Client, Server
from tests.console.conftest import Enter

pytestmark = pytest.mark.sqlite


def request_shown(page: str) -> tuple[str, list[str]]:
    """What follows the file in Python, and the texts that curl sends."""
    (call,) = re.findall(r"client\.upload_csv\('contacts\.csv', (.*)\)", unescape(page))
    (curl,) = re.findall(r"<code>(curl .*?)</code>", unescape(page), re.DOTALL)
    words = shlex.split(curl)
    return call, [text for option, text in pairwise(words) if option == "--form-string"]


@pytest.mark.parametrize(
    ("said", "python", "texts"),
    [
        ({}, "'Friends'", ["list_name=Friends"]),
        ({"list_name": "Known", "type": "dynamic"}, "'Known'", ["list_name=Known"]),
        (
            {"list_name": "Others", "type": "dynamic", "on_duplicate": "skip"},
            "'Others', type='dynamic'",
            ["list_name=Others", "type=dynamic"],
        ),
    ],
    ids=["nothing", "a list that is there", "a new list"],
)
def test_the_request_says_what_the_form_says(
    said: dict[str, str], python: str, texts: list[str], api: Client, server: Server, enter: Enter
) -> None:
    api.create_list("Known")

    shown = enter(server, api).get("/console/uploads/new", params=said).text

    assert request_shown(shown) == (python, texts)


def test_the_request_keeps_what_a_refused_form_had_chosen(api: Client, server: Server, enter: Enter) -> None:
    chosen = {"list_name": "Others", "type": "dynamic", "on_duplicate": "update", "dry_run": "true"}
    files = {"file_name": ("contacts.csv", b"phone\n1\n", "text/csv")}

    refused = enter(server, api).post("/console/uploads", data=chosen, files=files)

    assert refused.status_code == 400
    assert request_shown(refused.text) == (
        "'Others', type='dynamic', on_duplicate='update', dry_run=True",
        [f"{name}={value}" for name, value in chosen.items()],
    )
