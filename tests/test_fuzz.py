"""Schemathesis, with all its checks, against a live server."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.conftest import NUMBERS, Client, Server
from tests.effort import effort
from tests.processes import HANG_SECONDS

CONFIG = Path(__file__).parent.parent / "schemathesis.toml"
EXAMPLES = effort("FUZZ_EXAMPLES", 15)
SEED = effort("SEED", 20260105)
ACCOUNT = "exotel8u3"  # the one in the description's examples, which the configuration asks for

# Outside stateful sequences no contact and no list would ever be met, so those in paths are made beforehand.
EXISTING = """
[[operations]]
include-method = ["GET", "PUT", "POST"]
parameters = {{ "path.contact_sid" = "{contact}", "path.list_sid" = "{made}" }}
"""


@pytest.fixture(scope="module")
def client(connect: Callable[..., Client]) -> Client:
    return connect(ACCOUNT)


def test_single_requests_find_nothing(server: Server, client: Client, tmp_path: Path) -> None:
    (contact,) = client.create_contacts({"number": NUMBERS[0]})
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.read_text() + EXISTING.format(contact=contact["sid"], made=client.create_list()["sid"]))

    fuzz(config, server, client, "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES))


@pytest.mark.sqlite
def test_sequences_find_nothing(server: Server, client: Client) -> None:
    # An upload that is cancelled by DELETE is still there to be read, which the fuzzer would take for a mistake.
    options = ["--exclude-operation-id", "cancel_upload"]
    fuzz(CONFIG, server, client, "--phases", "examples,stateful", "--max-examples", str(2 * EXAMPLES), *options)


def fuzz(config: Path, server: Server, client: Client, *options: str) -> None:
    """Run the fuzzer; fail with its report when it finds something, or when it met closed doors only."""
    assert isinstance(client.http.auth, httpx2.BasicAuth)
    header = next(client.http.auth.auth_flow(client.http.build_request("GET", "/"))).headers["authorization"]
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("st"), "--config-file", config, "run", f"{server.url}/openapi.json"),
            *("--header", f"Authorization: {header}", "--checks", "all", "--seed", str(SEED)),
            *("--request-timeout", str(HANG_SECONDS), "--generation-allow-x00", "true", "--no-color", *options),
        ],
        capture_output=True,
        text=True,
        cwd=config.parent,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-40000:] + done.stderr[-2000:]
    assert "Authentication failed" not in done.stdout
