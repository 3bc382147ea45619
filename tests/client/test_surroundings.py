"""Proxies and certificates that the environment names, and that cannot be used."""

import traceback

import pytest

from dialbook import AsyncClient, Client

URL = "http://key:secret@127.0.0.1:1/v2/accounts/acme"
PROXY_RULE = "is no URL of a proxy, http://<host>:<port>; escape what is special in its user and password."


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("HTTP_PROXY", "http://u:s3/cr@127.0.0.1:1", PROXY_RULE),
        ("HTTPS_PROXY", "http://u:s3cr@localhost:port", PROXY_RULE),
        ("all_proxy", "http://[::1", PROXY_RULE),
        ("ALL_PROXY", "ftp://u:s3cr@localhost", PROXY_RULE),
        ("ALL_PROXY", "u:s3/cr@localhost", PROXY_RULE),
        (
            "ALL_PROXY",
            "socks5://u:s3cr@localhost:1",
            "names a SOCKS proxy, which needs another package: pip install 'httpx2[socks]'.",
        ),
        ("SSL_CERT_FILE", "/s3cr.pem", "names no file with certificates in PEM."),
        ("SSL_CERT_FILE", __file__, "names no file with certificates in PEM."),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, client: type[Client] | type[AsyncClient], name: str, value: str, fault: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValueError, match=name) as raised:
        client(URL)

    assert str(raised.value) == f"{name} {fault}"
    assert "s3cr" not in "".join(traceback.format_exception(raised.value))
    assert "s3/cr" not in "".join(traceback.format_exception(raised.value))


def test_what_can_be_used_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "localhost:1")
    monkeypatch.setenv("NO_PROXY", "[, 127.0.0.1")

    Client(URL).close()
