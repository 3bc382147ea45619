"""What a dynamic list keeps of the columns of its own that a file has."""

import json

from tests.conftest import NUMBERS, Client, Server
from tests.server.uploads.sending import members_of, refusal_of, report_of, to_csv, upload


def test_a_dynamic_list_shows_what_it_keeps_of_its_members(api: Client, server: Server) -> None:
    (known,) = api.create_contacts({"number": NUMBERS[1], "custom_field": {"plan": "gold"}})
    file = to_csv(["number", "City", "due", "first_name"], [NUMBERS[0], "Kochi", "5", "A"], [NUMBERS[1], "", "", ""])

    answer = upload(api, server, file, type="dynamic")

    shown = members_of(api, answer)
    assert [each["custom_field"] for each in shown] == [{"City": "Kochi", "due": "5"}, {"plan": "gold"}]
    assert [each["custom_field"] for each in members_of(api, answer, sort_by="number")] == [
        {"City": "Kochi", "due": "5"},
        {"plan": "gold"},
    ]
    list_sid = answer.json()["response"]["data"]["summary"]["list_sid"]
    lines = api.request(
        "GET", f"/lists/{list_sid}/contacts", headers={"Accept": "application/x-ndjson"}
    ).text.splitlines()
    assert [json.loads(line) for line in lines] == shown
    assert api.get(f"/contacts/{shown[0]['sid']}").json()["response"]["data"]["custom_field"] is None
    assert api.get(f"/contacts/{known['sid']}").json()["response"]["data"]["custom_field"] == {"plan": "gold"}
    assert api.get(f"/lists/{list_sid}").json()["response"]["data"]["type"] == "dynamic"


def test_a_dynamic_list_keeps_five_columns(api: Client, server: Server) -> None:
    extra = [f"c{i}" for i in range(6)]

    answer = upload(api, server, to_csv(["number", *extra[:5]], [NUMBERS[0], *"abcde"]), type="dynamic")
    refused = api.upload(to_csv(["number", *extra], [NUMBERS[0], *"abcdef"]), "Six", type="dynamic")

    long = upload(api, server, to_csv(["number", "city"], [NUMBERS[0], "x" * 256]), list_name="Long", type="dynamic")

    assert members_of(api, answer)[0]["custom_field"] == dict(zip(extra, "abcde", strict=False))
    (too_long,) = report_of(api, long)
    assert too_long["description"] == "city has 256 characters; at most 255 are allowed."
    assert "6 columns of its own, 'c0', 'c1', 'c2', 'c3', 'c4' and 1 more" in refusal_of(refused)
