"""Whatever a caller sends gets a clear 4xx in the envelope, and nothing of it is written."""

import base64
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import NUMBERS, Client, Server

WRAPPERS = [
    ("POST", "/contacts", "contacts"),
    ("PUT", "/contacts", "contacts"),
    ("POST", "/lists", "lists"),
    ("PUT", "/lists", "lists"),
    ("POST", "/lists/{list}/contacts", "contact_references"),
]
NOT_JSON = {
    "empty": b"",
    "cut short": b'{"contacts": [',
    "NaN": b'{"contacts": NaN}',
    "Infinity": b'{"contacts": [{"number": Infinity}]}',
    "a lone surrogate": b'{"contacts": [{"number": "\\ud800"}]}',
    "100,000 deep arrays": b'{"contacts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 deep objects": b'{"contacts": [{"a":' * 1 + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}]}",
    "a BOM": b'\xef\xbb\xbf{"contacts": []}',
    "UTF-16": '{"contacts": []}'.encode("utf-16"),
    "no UTF-8 in an item": b'{"contacts": [{"number": "+919845310001"}, {"number": "\xff"}]}',
    "no UTF-8 in a key": b'{"contacts": [{"number": "+919845310001"}, {"\xff": 1}]}',
    "two documents": b"{} {}",
}
NO_OBJECT = [b"null", b"[]", b'"contacts"', b"7", b"true"]
WRONG_WRAPPERS: list[Any] = [{}, "x", 7, True, [], 1e300]
WRONG_TEXTS: list[Any] = [7, 1.5, True, [], {}, 2**63, -(2**63), 10**400, ["x"], {"a": "b"}]
UNICODE_HALVES = ["\ud800", "\udfff x"]
UNSTORABLE = ["\0", "a\0b", *UNICODE_HALVES]
TEXT_FIELDS = ["first_name", "last_name", "company_name", "email", "tag"]
NO_NUMBERS = [
    "12", "+", "++919845000000", "+91984500000", "+9198450000000000", "+999123456789", "abc", "98450x0000",
    "٩٨٤٥٠٠٠٠٠٠", "+91 98450 00000 ext 5", "tel:+919845000000", "\0", "9" * 10_000, "-", "()", "+0919845000000",
    "1800FLOWERS", "+" + "1" * 300, " ", "\n",
]  # fmt: skip


def named(value: object) -> str:
    """What a test of a value is called: without backslashes, which pytest doubles each time that it collects tests."""
    return ascii(value)[:20].replace("\\", "/")


@pytest.fixture(scope="module")
def client(connect: Callable[..., Client]) -> Client:
    return connect()


@pytest.fixture(scope="module")
def list_sid(client: Client) -> str:
    return str(client.create_list()["sid"])


def send(client: Client, method: str, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = client.request(method, path, content=body, headers=headers)
    return answer.status_code, answer.json()


def error_of(envelope: dict[str, Any]) -> dict[str, Any]:
    error: dict[str, Any] = envelope["response"]["error_data"]
    return error


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
@pytest.mark.parametrize(("method", "path", "wrapper"), WRAPPERS)
def test_what_is_no_json_is_refused_as_a_whole(
    method: str, path: str, wrapper: str, body: bytes, client: Client, list_sid: str
) -> None:
    status, envelope = send(client, method, path.format(list=list_sid), body.replace(b"contacts", wrapper.encode()))

    assert (status, error_of(envelope)["code"]) in {(400, 1007), (400, 1001), (400, 1002)}


def test_a_number_beyond_all_bounds_is_named_as_such(client: Client) -> None:
    _, envelope = send(client, "POST", "/contacts", b'{"contacts": [{"number": 1e400}]}')

    assert envelope["response"][0]["error_data"]["description"] == "An item holds a number that is out of range."


@pytest.mark.parametrize("body", NO_OBJECT)
@pytest.mark.parametrize("path", ["/contacts", "/lists"])
def test_a_body_has_to_be_an_object(path: str, body: bytes, client: Client) -> None:
    status, envelope = send(client, "POST", path, body)

    assert status == 400
    assert error_of(envelope)["description"] == "The body must be a JSON object."


@pytest.mark.parametrize("wrong", WRONG_WRAPPERS)
@pytest.mark.parametrize(("method", "path", "wrapper"), WRAPPERS)
def test_a_wrapper_has_to_be_a_filled_array(
    method: str, path: str, wrapper: str, wrong: object, client: Client, list_sid: str
) -> None:
    status, envelope = send(client, method, path.format(list=list_sid), json.dumps({wrapper: wrong}).encode())

    assert status == 400
    assert error_of(envelope)["description"] == f"{wrapper} must be an array of 1 to 5000 objects."


@pytest.mark.parametrize(("method", "path", "wrapper"), WRAPPERS)
def test_5000_items_are_read_and_5001_are_not(
    method: str, path: str, wrapper: str, client: Client, list_sid: str
) -> None:
    at_limit = client.request(method, path.format(list=list_sid), json={wrapper: [7] * 5000})
    past_limit = client.request(method, path.format(list=list_sid), json={wrapper: [7] * 5001})

    assert at_limit.json()["metadata"] == {"failed": 5000, "total": 5000, "success": 0}
    assert past_limit.status_code == 400
    assert error_of(past_limit.json())["description"] == (
        f"{wrapper} has too many items; at most 5000 are allowed in one request."
    )


@pytest.mark.parametrize("wrong", [*WRONG_TEXTS, *UNSTORABLE, "x" * 256], ids=named)
@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_a_wrong_text_spoils_its_item_alone(field: str, wrong: object, client: Client) -> None:
    before = client.get("/contacts").json()["metadata"]["total"]
    items = [{"number": NUMBERS[0], field: wrong}, {"number": NUMBERS[1], field: "fine"}]

    answer = client.request("POST", "/contacts", content=_loose_json({"contacts": items}))

    if wrong in UNICODE_HALVES:
        assert answer.status_code == 400  # not Unicode, and so not JSON
        return
    spoilt, fine = answer.json()["response"]
    assert spoilt["error_data"]["code"] == 1002
    assert field in spoilt["error_data"]["description"]
    assert fine["error_data"] is None
    client.delete(f"/contacts/{fine['data']['sid']}")
    assert client.get("/contacts").json()["metadata"]["total"] == before


@pytest.mark.parametrize("wrong", [*WRONG_TEXTS, *NO_NUMBERS], ids=named)
def test_what_is_no_number_is_refused(wrong: object, client: Client) -> None:
    before = client.get("/contacts").json()["metadata"]["total"]

    answer = client.request("POST", "/contacts", content=_loose_json({"contacts": [{"number": wrong}]}))

    (item,) = answer.json()["response"]
    assert (item["code"], item["error_data"]["code"]) == (400, 1002)
    assert client.get("/contacts").json()["metadata"]["total"] == before


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("wrong", "shown"),
    [(9845000003, "9845000003"), (True, "true"), ({"a": [None]}, '{"a":[null]}'), (["x" * 99], '["' + "x" * 62)],
)
def test_what_is_no_string_is_named(wrong: object, shown: str, client: Client) -> None:
    (item,) = client.post("/contacts", {"contacts": [{"number": wrong}]}).json()["response"]

    assert item["error_data"]["description"] == f"number is {shown}, which is no string."


@pytest.mark.parametrize("wrong", [*WRONG_TEXTS, *UNSTORABLE], ids=named)
@pytest.mark.parametrize("field", ["name", "tag", "type"])
def test_a_list_field_of_a_wrong_type_is_refused(field: str, wrong: object, client: Client) -> None:
    before = client.get("/lists").json()["metadata"]["total"]

    answer = client.request("POST", "/lists", content=_loose_json({"lists": [{"name": "Nobody", field: wrong}]}))

    assert answer.status_code in {207, 400}
    assert client.get("/lists").json()["metadata"]["total"] == before


@pytest.mark.parametrize("wrong", ["x", 7, [], True, {"a": "\0"}, {"a": "x" * 9000}])
def test_a_custom_field_has_to_be_a_storable_object(wrong: object, client: Client) -> None:
    answer = client.request(
        "POST", "/contacts", content=_loose_json({"contacts": [{"number": NUMBERS[2], "custom_field": wrong}]})
    )

    (item,) = answer.json()["response"]
    assert item["error_data"]["code"] == 1002
    assert "custom_field" in item["error_data"]["description"]


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 12345678901234567890123}',
        '{"n": 1.0, "m": 1e2}',
        '{"path": "C:\\\\u0000"}',
        '{"क": "' + "x" * 8100 + '"}',
    ],
)
def test_a_custom_field_is_given_back_as_it_was_sent(text: str, client: Client) -> None:
    body = f'{{"contacts": [{{"number": "{NUMBERS[7]}", "custom_field": {text}}}]}}'

    answer = client.request("POST", "/contacts", content=body.encode())

    assert answer.status_code == 200, answer.text
    assert f'"custom_field":{text},' in answer.text
    client.delete(f"/contacts/{answer.json()['response'][0]['data']['sid']}")


def test_a_custom_field_is_measured_in_bytes(client: Client) -> None:
    body = json.dumps({"contacts": [{"number": NUMBERS[7], "custom_field": {"a": "क" * 3000}}]}, ensure_ascii=False)

    (item,) = client.request("POST", "/contacts", content=body.encode()).json()["response"]

    assert "bytes of JSON; at most 8192" in item["error_data"]["description"]


def test_a_custom_field_may_be_32_levels_deep_and_no_deeper(client: Client) -> None:
    deepest = json.loads('{"a":' * 32 + "1" + "}" * 32)
    items = [{"number": NUMBERS[3], "custom_field": value} for value in (deepest, {"a": deepest})]

    fine, spoilt = client.post("/contacts", {"contacts": items}).json()["response"]

    assert fine["data"]["custom_field"] == deepest
    assert spoilt["error_data"]["description"] == "custom_field is nested deeper than 32 levels."


@pytest.mark.parametrize("levels", [33, 200, 480, 600, 900])
@pytest.mark.parametrize(
    ("path", "given", "field"),
    [("contacts", f'"number": "{NUMBERS[8]}"', "custom_field"), ("lists", '"name": "Deep"', "type")],
)
def test_what_is_too_deep_spoils_its_item_alone(path: str, given: str, field: str, levels: int, client: Client) -> None:
    """However deep, and wherever the interpreter would give up."""
    deep = '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"
    body = f'{{"{path}": [{{{given}, "{field}": {deep}}}, {{{given}}}]}}'

    status, envelope = send(client, "POST", f"/{path}", body.encode())

    assert status == 207
    spoilt, fine = envelope["response"]
    assert (spoilt["error_data"]["code"], fine["code"]) == (1002, 200)
    client.delete(f"/{path}/{fine['data']['sid']}")


@pytest.mark.parametrize(
    ("method", "path", "item"),
    [
        ("PUT", "/contacts", {"sid": "a\0b", "tag": "x"}),
        ("PUT", "/lists", {"sid": "a\0b", "tag": "x"}),
        ("POST", "/lists/{list}/contacts", {"contact_sid": "\0"}),
    ],
)
def test_a_sid_with_a_character_that_none_has_is_not_found(
    method: str, path: str, item: dict[str, str], client: Client, list_sid: str
) -> None:
    wrapper = next(wrapper for its_method, its_path, wrapper in WRAPPERS if (its_method, its_path) == (method, path))

    status, envelope = send(client, method, path.format(list=list_sid), json.dumps({wrapper: [item, item]}).encode())

    assert status == 207
    assert [each["code"] for each in envelope["response"]] == [404, 404]


@pytest.mark.parametrize("value", [b'"\xff"', b'"\xed\xa0\x80"', b"1e400", b'{"a": 1e400}'])
@pytest.mark.parametrize("field", [b"first_name", b"custom_field", b"unknown"])
def test_an_item_that_cannot_be_read_spoils_itself_alone(field: bytes, value: bytes, client: Client) -> None:
    """Text that is not UTF-8, and numbers past any bound, inside well-formed brackets."""
    fine = b'{"number": "%s"}' % NUMBERS[5].encode()
    body = b'{"contacts": [{"number": "%s", "%s": %s}, %s]}' % (NUMBERS[6].encode(), field, value, fine)

    status, envelope = send(client, "POST", "/contacts", body)

    assert status in {200, 207, 400}
    made = [item["data"]["sid"] for item in envelope["response"] if item["code"] == 200] if status != 400 else []
    for sid in made:
        client.delete(f"/contacts/{sid}")
    if status != 400 and field != b"unknown":
        assert [item["code"] for item in envelope["response"]] == [400, 200]


def test_the_last_of_two_equal_keys_counts(client: Client) -> None:
    body = b'{"contacts": [], "contacts": [{"number": "%s", "tag": "a", "tag": "b"}]}' % NUMBERS[4].encode()

    status, envelope = send(client, "POST", "/contacts", body)

    assert (status, envelope["response"][0]["data"]["tag"]) == (200, "b")


@pytest.mark.parametrize("size", [10 * 1024 * 1024, 10 * 1024 * 1024 + 1, 11 * 1024 * 1024])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_may_have_10_mib_and_no_more(size: int, chunked: bool, client: Client) -> None:
    body = b'{"contacts": ' + b" " * (size - 15) + b"7}"

    answer = client.request("POST", "/contacts", content=iter([body]) if chunked else body)

    if size == 10 * 1024 * 1024:
        assert error_of(answer.json())["description"] == "contacts must be an array of 1 to 5000 objects."
    else:
        assert (answer.status_code, error_of(answer.json())["code"]) == (413, 1007)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "json", ","])
def test_another_type_of_body_is_refused(kind: str, client: Client) -> None:
    status, envelope = send(client, "POST", "/contacts", b'{"contacts": [{}]}', **{"Content-Type": kind})

    assert (status, error_of(envelope)["code"]) == (415, 1011)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x"])
def test_a_compressed_body_is_refused(encoding: str, client: Client) -> None:
    status, envelope = send(client, "POST", "/contacts", b"x", **{"Content-Encoding": encoding})

    assert (status, error_of(envelope)["code"]) == (415, 1011)


@pytest.mark.parametrize("kind", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8"])
def test_json_may_say_so_in_any_way(kind: str, client: Client) -> None:
    status, _ = send(client, "POST", "/contacts", b'{"contacts": [{}]}', **{"Content-Type": kind})

    assert status == 207


@pytest.mark.parametrize(
    "query",
    [
        "offset=-1", "offset=x", "offset=", "offset=1.0", "offset=1e3", "offset=+1", "offset=%201", "offset=٣",
        "offset=1_0",
        "offset=9223372036854775808", "offset=" + "9" * 5000,
        "limit=0", "limit=-1", "limit=5001", "limit=x", "limit=", "limit=" + "9" * 5000,
        "sort_by=", "sort_by=sid", "sort_by=number:", "sort_by=number:up", "sort_by=number:asc:desc",
        "sort_by=number;--", "filter=", "filter=all", "name=%00", "name=" + "x" * 256,
        "list_sids=", "list_sids", "list_sids=%20,,", "list_sids=%C3%BC,%3F", "name=Jos%E9", "name=%ED%A0%80&limit=1",
        "list_sids=" + ",".join(f"{i:032x}" for i in range(101)), "list_sids=" + ",".join(["0" * 32] * 101),
        "list_sids=" + ",".join(["0" * 32] * 100 + ["%0B"]),
    ],
)  # fmt: skip
def test_a_wrong_query_is_refused_by_name(query: str, client: Client) -> None:
    answer = client.request("GET", f"/contacts?{query}")

    assert (answer.status_code, error_of(answer.json())["code"]) == (400, 1002)
    assert query.partition("=")[0] in error_of(answer.json())["description"]


@pytest.mark.parametrize(
    "query", ["offset=9223372036854775807", "offset=0", "limit=5000", "limit=1", "unknown=x", "name="]
)
def test_a_query_at_its_limits_is_answered(query: str, client: Client) -> None:
    assert client.request("GET", f"/contacts?{query}").status_code == 200


@pytest.mark.parametrize(
    "sid", ["x", "0" * 32, "0" * 4000, "%00", "%ff", "..%2f..", "'; DROP TABLE contacts; --", "%F0%9F%98%80"]
)
@pytest.mark.parametrize("path", ["/contacts/{}", "/lists/{}", "/lists/{}/contacts"])
def test_an_odd_sid_is_an_unknown_one(path: str, sid: str, client: Client) -> None:
    answer = client.request("GET", path.format(sid))

    assert (answer.status_code, error_of(answer.json())["code"]) == (404, 1000)


@pytest.mark.parametrize(
    "path", ["/v2", "/v2/accounts", "/v2/accounts/x", "/v2/accounts/x/contacts/", "/V2/accounts/x/contacts", "//"]
)
def test_an_unknown_path_is_refused_in_the_envelope(path: str, server: Server, client: Client) -> None:
    answer = client.http.get(server.url + path)

    assert (answer.status_code, error_of(answer.json())["code"]) == (404, 1000)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.sqlite
@pytest.mark.parametrize("control", ["%0A", "%0D%0A", "%00", "%1F", "%7F", "%C2%85"])
def test_a_path_with_a_control_character_is_an_unknown_one(control: str, api: Client, server: Server) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    made = api.create_list()
    api.add_members(made["sid"], contact["sid"])

    answers = [
        api.request("GET", f"/lists/{made['sid']}/contacts{control}?limit=1"),
        api.request("POST", f"/contacts{control}", json={"contacts": [{"number": NUMBERS[1]}]}),
        api.request("DELETE", f"/contacts/{contact['sid']}{control}"),
        *[
            api.http.get(f"{server.url}{path}{control}")
            for path in ("/healthz", "/readyz", "/docs", "/docs/assets/docs.js", "/openapi.json", "/", "/console")
        ],
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert error_of(answers[0].json())["code"] == 1000
    assert api.get("/contacts").json()["metadata"]["total"] == 1


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize(
    ("path", "known"), [("/contacts", "DELETE, GET, HEAD, POST, PUT"), ("/lists", "GET, HEAD, POST, PUT")]
)
def test_an_unknown_method_is_refused_with_those_that_are_known(
    method: str, path: str, known: str, client: Client
) -> None:
    answer = client.http.request(method, f"/v2/accounts/{client.account}{path}")

    assert (answer.status_code, error_of(answer.json())["code"]) == (405, 1005)
    assert answer.headers["allow"] == known


@pytest.mark.sqlite
@pytest.mark.parametrize("target", ["/v2/accounts/acme/contacts?name=José", "/José"])
def test_a_url_that_is_not_escaped_is_refused_as_such(target: str, server: Server) -> None:
    head, _, body = exchange(server, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert error_of(json.loads(body)) == {
        "code": 1002,
        "message": "Invalid parameter",
        "description": "The URL cannot be read: it begins with / and is printable ASCII, all else percent-encoded.",
    }


@pytest.mark.parametrize(
    "request_", [b"GETX / HTTP/1.1\r\n\r\n", b"\0\0\0\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /\r\nx\r\n\r\n"]
)
def test_what_is_no_http_is_refused_in_the_envelope(request_: bytes, server: Server) -> None:
    head, _, body = exchange(server, request_).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert error_of(json.loads(body))["code"] == 1007


def test_a_caller_who_leaves_in_the_middle_writes_nothing(server: Server, client: Client) -> None:
    before = client.get("/contacts").json()["metadata"]["total"]
    body = json.dumps({"contacts": [{"number": NUMBERS[9]}]}).encode()
    credentials = base64.b64encode(f"{client.key}:{client.token}".encode()).decode()
    head = (
        f"POST /v2/accounts/{client.account}/contacts HTTP/1.1\r\nhost: x\r\n"
        f"authorization: Basic {credentials}\r\ncontent-length: {len(body)}\r\n\r\n"
    )

    exchange(server, head.encode() + body[:-5])

    assert client.get("/contacts").json()["metadata"]["total"] == before


def exchange(server: Server, request: bytes) -> bytes:
    """Send bytes, say that no more will come, and read to the end."""
    address = urlsplit(server.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as caller:
        caller.sendall(request)
        caller.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := caller.recv(65536):
            received += chunk
        return received


def _loose_json(value: object) -> bytes:
    """JSON with surrogates as escapes, as a careless caller would write it."""
    return json.dumps(value).encode()
