"""How `dialbook serve` keeps API tokens from being read on their way: by TLS, or by not speaking HTTP in public."""

import json
import signal
import socket
import ssl
import warnings
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from dialbook.model.errors import Invalid
from dialbook.process import listen
from dialbook.settings import Settings
from dialbook.transport import refuse_clear_text, tls_context
from tests.conftest import NUMBERS, run_cli
from tests.processes import HANG_SECONDS, HEARING, Running, run_program, started

SECRET = "a secret for tests alone, 32 or more"
GOODBYE_SECONDS = 20  # TLS would wait for 30
VERSIONS = [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
BODY = json.dumps({"contacts": [{"number": NUMBERS[0]}]}).encode()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What a client trusts."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def certified(authority: trustme.CA, tmp_path: Path) -> tuple[str, ...]:
    """Options for a server with a certificate, on an address that other machines reach."""
    _write_certificate(authority, tmp_path)
    files = ("--tls-certificate", "certificate.pem", "--tls-key", "key.pem")
    return ("serve", "--host", "0.0.0.0", "--port", "0", *files)  # noqa: S104  # that is what is tested


@pytest.fixture
def auth(database: str) -> httpx2.BasicAuth:
    run_cli("account", "create", "acme", "--database", database)
    made = run_cli("key", "create", "acme", "--database", database)
    return httpx2.BasicAuth(made["api_key"], made["api_token"])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])  # noqa: S104
def test_where_other_machines_reach_it_it_wants_to_be_told(host: str) -> None:
    with listen(host, 0) as sock:
        with pytest.raises(Invalid, match=f"^At {host or 'every address'} other machines reach this server"):
            refuse_clear_text(Settings(host=host), sock)
        refuse_clear_text(Settings(host=host, insecure_http=True), sock)
        refuse_clear_text(Settings(host=host, trusted_proxies="10.0.0.0/8"), sock)
        refuse_clear_text(Settings(host=host, tls_certificate="certificate.pem"), sock)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_on_this_machine_alone_http_needs_no_word(host: str) -> None:
    with listen(host, 0) as sock:
        refuse_clear_text(Settings(host=host), sock)


def test_http_where_other_machines_reach_it_is_refused_with_the_ways_out(database: str, tmp_path: Path) -> None:
    line = _refused(tmp_path, "--host", "0.0.0.0", "--port", "0", "--database", database)  # noqa: S104

    assert "trusted_proxies" in line
    assert "tls_certificate" in line
    assert "insecure_http" in line


@pytest.mark.parametrize(
    "way",
    [["--insecure-http"], ["--trusted-proxies", "10.0.0.0/8"]],
    ids=["said to be wanted", "behind a proxy"],
)
def test_it_is_served_where_the_operator_says_so(
    way: list[str], database: str, tmp_path: Path, auth: httpx2.BasicAuth
) -> None:
    options = ("--host", "0.0.0.0", "--port", "0", "--database", database, *way)  # noqa: S104
    with started("serve", *options, folder=tmp_path) as server:
        answer = httpx2.get(f"http://127.0.0.1:{server.port}/v2/accounts/acme/contacts", auth=auth)

    assert answer.status_code == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_with_a_certificate_it_speaks_https(
    workers: str,
    certified: tuple[str, ...],
    trusting: ssl.SSLContext,
    database: str,
    auth: httpx2.BasicAuth,
    tmp_path: Path,
) -> None:
    options = ("--database", database, "--workers", workers)
    with started(*certified, *options, folder=tmp_path, last_line="https://") as server:
        with httpx2.Client(
            base_url=f"https://127.0.0.1:{server.port}", verify=trusting, auth=auth, timeout=HANG_SECONDS
        ) as http:
            stored = http.post("/v2/accounts/acme/contacts", content=BODY, headers={"Content-Type": "application/json"})
            read = http.get("/v2/accounts/acme/contacts")
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"http://127.0.0.1:{server.port}/healthz", timeout=HANG_SECONDS)

    assert server.url.startswith("https://0.0.0.0:")
    assert (stored.status_code, read.json()["metadata"]["total"]) == (200, 1)
    assert read.headers.get_list("strict-transport-security") == ["max-age=31536000"]


def test_the_command_line_trusts_an_authority_that_it_is_told_of(
    certified: tuple[str, ...], authority: trustme.CA, database: str, auth: httpx2.BasicAuth, tmp_path: Path
) -> None:
    assert auth
    made = run_cli("key", "create", "acme", "--database", database)
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with started(*certified, "--database", database, folder=tmp_path, last_line="https://") as server:
        url = f"https://{made['api_key']}:{made['api_token']}@127.0.0.1:{server.port}/v2/accounts/acme"
        lists = ("lists", "list", "--json")
        known = run_program(*lists, folder=tmp_path, DIALBOOK_URL=url, SSL_CERT_FILE=str(trusted))
        unknown = run_program(*lists, folder=tmp_path, DIALBOOK_URL=url)

    assert (known.returncode, known.stdout, known.stderr) == (0, "[]\n", "")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "certificate verify failed" in unknown.stderr


def test_what_is_no_request_is_answered_over_tls(
    certified: tuple[str, ...], trusting: ssl.SSLContext, database: str, tmp_path: Path
) -> None:
    answers = []
    with started(*certified, "--database", database, folder=tmp_path, last_line="https://") as server:
        for bad in (b"GETX / HTTP/1.1\r\n\r\n", b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n"):
            with _connected(server, trusting) as connection:
                connection.sendall(bad)
                answers.append(b"".join(iter(lambda: connection.recv(65536), b"")))  # used at once
        said = server.errors

    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 400", b"HTTP/1.1 414"]
    assert "Traceback" not in said


def test_old_versions_of_tls_are_not_spoken(
    certified: tuple[str, ...], trusting: ssl.SSLContext, database: str, tmp_path: Path
) -> None:
    trusting.set_ciphers("DEFAULT:@SECLEVEL=0")
    with started(*certified, "--database", database, folder=tmp_path, last_line="https://") as server:
        spoken = [_version_spoken(server, trusting, each) for each in VERSIONS]

    assert spoken == [None, "TLSv1.2", "TLSv1.3"]


def test_the_request_under_way_is_answered_over_tls_before_it_stops(
    certified: tuple[str, ...], trusting: ssl.SSLContext, database: str, auth: httpx2.BasicAuth, tmp_path: Path
) -> None:
    request = httpx2.Request("POST", "https://127.0.0.1/v2/accounts/acme/contacts")
    authorization = next(auth.auth_flow(request)).headers["authorization"]
    head = (
        f"POST {request.url.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
        "Expect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with (
        started(*certified, "--database", database, folder=tmp_path, last_line="https://") as server,
        _connected(server, trusting) as idle,
        _connected(server, trusting) as connection,
    ):
        connection.sendall(head.encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue")
        server.process.send_signal(signal.SIGTERM)
        while "Shutting down" not in server.errors:
            pass
        connection.sendall(BODY)
        answer = connection.makefile("rb").read()
        connection.close()
        status = server.process.wait(GOODBYE_SECONDS)  # though the idle one says none
        assert idle.recv(1024) == b""

    assert b"HTTP/1.1 200 OK" in answer
    assert status == 0
    assert [each["contacts"] for each in run_cli("account", "list", "--database", database)] == [1]


def test_workers_that_replace_others_have_the_new_certificate(
    certified: tuple[str, ...], authority: trustme.CA, trusting: ssl.SSLContext, database: str, tmp_path: Path
) -> None:
    options = ("--database", database, "--workers", "2")
    with started(*certified, *options, folder=tmp_path, last_line="https://", by=HEARING) as server:
        while server.errors.count("Application startup complete") < 2:
            pass
        before = _serial_number(server, trusting)
        _write_certificate(authority, tmp_path)
        server.process.send_signal(signal.SIGHUP)
        while server.errors.count("Finished server process") < 2:
            pass
        after = {_serial_number(server, trusting) for _ in range(8)}

    assert before not in after
    assert len(after) == 1


def test_of_a_worker_that_cannot_begin_the_log_says_why_in_a_line(
    certified: tuple[str, ...], trusting: ssl.SSLContext, database: str, tmp_path: Path
) -> None:
    options = (*certified, "--database", database, "--workers", "2")
    variables = {"DIALBOOK_LOG_FORMAT": "json"}
    with started(*options, folder=tmp_path, last_line="https://", by=HEARING, **variables) as server:
        while server.errors.count("Application startup complete") < 2:
            pass
        before = _serial_number(server, trusting)
        (tmp_path / "certificate.pem").write_text("junk")
        server.process.send_signal(signal.SIGHUP)
        while "a worker cannot begin" not in server.errors:
            pass
        after = {_serial_number(server, trusting) for _ in range(8)}
        lines = [json.loads(line) for line in server.errors.splitlines()]

    said = [line["message"] for line in lines if line["level"] == "ERROR"]
    assert "a worker cannot begin: tls_certificate certificate.pem has no certificate in PEM." in said
    assert after == {before}


def test_over_https_all_that_the_console_has_a_browser_keep_is_for_https_alone(
    certified: tuple[str, ...], trusting: ssl.SSLContext, database: str, tmp_path: Path
) -> None:
    run_cli("account", "create", "acme", "--database", database)
    made = run_cli("key", "create", "acme", "--database", database)
    with (
        started(*certified, "--database", database, folder=tmp_path, last_line="https://") as server,
        httpx2.Client(base_url=f"https://127.0.0.1:{server.port}", verify=trusting, timeout=HANG_SECONDS) as http,
    ):
        signed_in = http.post("/console/sign-in", data={"key": made["api_key"], "token": made["api_token"]})
        noted = http.post("/console/lists", data={"name": "Friends"})
        shown = http.get("/console/lists")

    cookies = [each for answer in (signed_in, noted, shown) for each in answer.headers.get_list("set-cookie")]
    assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-dialbook", "dialbook-note", "dialbook-note"]
    assert all("Secure" in cookie.split("; ") for cookie in cookies)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("nothing", "tls_certificate .*/certificate.pem cannot be read: No such file or directory."),
        ("a letter", "tls_certificate .*/certificate.pem has no certificate in PEM."),
        ("half of it", "tls_certificate .*/certificate.pem and its key cannot be used: one of them is damaged."),
        ("another's key", "tls_certificate .*/certificate.pem and its key cannot be used: key values mismatch."),
        ("no key", "tls_key .*/key.pem has no private key in PEM."),
        ("a key with a password", "tls_key .*/key.pem has a key with a password, and there is nobody to ask for it."),
    ],
)
def test_a_certificate_that_cannot_be_used_is_refused(
    given: str, says: str, authority: trustme.CA, tmp_path: Path
) -> None:
    _write_certificate(authority, tmp_path)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    if given == "nothing":
        certificate.unlink()
    if given == "a letter":
        certificate.write_text("This is a letter.\n")
    if given == "half of it":
        certificate.write_text(certificate.read_text()[:100] + "\n-----END CERTIFICATE-----\n")
    if given == "another's key":
        authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(str(key))
    if given == "no key":
        key.write_text("")
    if given == "a key with a password":
        key.write_bytes(_encrypted(key.read_bytes()))

    with pytest.raises(Invalid, match=f"^{says}$"):
        tls_context(str(certificate), str(key))


def test_a_certificate_without_its_key_is_refused(authority: trustme.CA, tmp_path: Path) -> None:
    _write_certificate(authority, tmp_path)

    with pytest.raises(Invalid, match=r"tls_certificate .* has no private key in PEM\."):
        tls_context(str(tmp_path / "certificate.pem"), "")


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--tls-certificate", "tls_certificate letter.txt has no certificate in PEM."),
        ("--tls-key", "tls_key is the key of a tls_certificate, which is not given."),
    ],
)
def test_a_server_with_such_a_certificate_does_not_start(option: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("This is a letter.\n")

    line = _refused(tmp_path, "--port", "0", option, "letter.txt")

    assert says in line
    assert not (tmp_path / "dialbook.db").exists()


def test_a_server_that_could_check_no_token_does_not_start(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore on a machine that has not got the secret."""
    monkeypatch.setenv("DIALBOOK_TOKEN_SECRET", SECRET)
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)

    line = _refused(tmp_path, "--port", "0", "--database", database)

    assert "token_secret is not the one that live keys were made with (1 of them)" in line
    run_cli("key", "revoke", "acme", key["api_key"], "--database", database)
    with started("serve", "--port", "0", "--database", database, folder=tmp_path):
        pass


def _refused(folder: Path, *options: str, **variables: str) -> str:
    """One clear line on standard error, and a status that says no."""
    result = run_program("serve", *options, folder=folder, **variables)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


def _write_certificate(authority: trustme.CA, folder: Path) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))


def _version_spoken(server: Running, context: ssl.SSLContext, version: ssl.TLSVersion) -> str | None:
    """The version that is agreed on with who wants no other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that one is old is why it is tried
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version
        context.minimum_version = version
    with suppress(ssl.SSLError, ConnectionResetError), _connected(server, context) as connection:
        return connection.version()
    return None


def _encrypted(key: bytes) -> bytes:
    password = BestAvailableEncryption(b"open")
    return load_pem_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, password)


def _connected(server: Running, context: ssl.SSLContext) -> ssl.SSLSocket:
    connection = socket.create_connection(("127.0.0.1", server.port))
    return context.wrap_socket(connection, server_hostname="127.0.0.1")


def _serial_number(server: Running, context: ssl.SSLContext) -> object:
    with _connected(server, context) as connection:
        certificate = connection.getpeercert() or {}
        return certificate["serialNumber"]
