"""`dialbook demo`: what it prints can be pasted as it is, and the answer is the provider's published sample."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.processes import HANG_SECONDS, Running, run_program, started

GOLDEN = Path(__file__).parent.parent / "transcripts/golden/get-contacts-in-a-list.json"
LAST_LINE = "Ctrl-C ends it"
ID = re.compile(r"(?<=[/\"])[0-9a-f]{32}(?=\")")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with started("demo", folder=tmp_path_factory.mktemp("demo"), last_line=LAST_LINE) as running:
        yield running


def curl_commands(demo: Running) -> list[str]:
    return re.findall(r"^ +(curl .+)$", demo.printed, re.MULTILINE)


def run_as_printed(command: str) -> bytes:
    """What a person gets who copies the line into a shell."""
    result = subprocess.run(["bash", "-c", command], capture_output=True, timeout=HANG_SECONDS, check=True)
    return result.stdout


def mask_ids(text: str) -> str:
    """Number the ids by their first appearance: their values are free, where the same one comes again is not."""
    found: dict[str, str] = {}
    return ID.sub(lambda match: found.setdefault(match[0], f"id-{len(found)}"), text)


@pytest.mark.parametrize("which", [0, 1], ids=["in the URL", "in a header"])
def test_the_answer_is_the_published_sample_but_for_the_ids(which: int, demo: Running) -> None:
    published = GOLDEN.read_text()
    commands = curl_commands(demo)

    reply = run_as_printed(commands[which]).decode()

    assert len(commands) == 2
    assert mask_ids(json.dumps(json.loads(reply), indent=4) + "\n") == mask_ids(published)
    assert mask_ids(reply) == mask_ids(json.dumps(json.loads(published), separators=(",", ":")))


def test_all_ids_of_the_sample_are_masked_and_nothing_else() -> None:
    published = GOLDEN.read_text()

    assert len(set(ID.findall(published))) == 1 + 6  # the request, and six contacts
    assert not re.search(r"[0-9a-f]{32}", mask_ids(published))
    assert ID.sub("", published) == re.sub(r"[0-9a-f]{32}", "", published)


def test_the_documentation_that_it_names_is_there(demo: Running) -> None:
    urls = re.findall(r"http://\S+/(?:docs|openapi\.json)\b", demo.printed)

    page, description = (httpx2.get(url) for url in urls)

    assert page.headers["content-type"].startswith("text/html")
    assert page.status_code == description.status_code == 200
    assert description.json()["openapi"].startswith("3.")


def test_the_credentials_are_printed_for_other_clients_too(demo: Running) -> None:
    printed = dict(re.findall(r"^(List sid|API key|API token) +(\S+)$", demo.printed, re.MULTILINE))

    answer = httpx2.get(
        f"{demo.url}/v2/accounts/exotel8u3/lists/{printed['List sid']}",
        auth=(printed["API key"], printed["API token"]),
    )

    assert answer.status_code == 200
    assert answer.json()["response"]["data"]["contact_count"] == 6


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_its_folder_goes_when_it_is_stopped(sign: signal.Signals, tmp_path: Path) -> None:
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    with started("demo", folder=here, last_line=LAST_LINE, TMPDIR=str(temporary)) as demo:
        httpx2.get(f"{demo.url}/docs").raise_for_status()
        while_it_ran = [each.name for each in temporary.iterdir()]
        status = demo.stop(sign)

    assert status == 0
    assert sum(name.startswith("dialbook-demo-") for name in while_it_ran) == 1
    assert [*temporary.iterdir(), *here.iterdir()] == []


def test_when_the_usual_port_is_taken_it_takes_another(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # when another program has it, it is as taken as it has to be
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        with started("demo", folder=tmp_path, last_line=LAST_LINE) as demo:
            reply = run_as_printed(curl_commands(demo)[0])

    assert demo.port != 8080
    assert json.loads(reply)["metadata"]["total"] == 6


def test_a_port_that_was_asked_for_and_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run_program("demo", "--port", str(taken.getsockname()[1]), folder=tmp_path)

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: Cannot listen on 127.0.0.1")


@pytest.mark.parametrize("port", ["65536", "-1"])
def test_a_port_that_no_machine_has_is_refused(port: str, tmp_path: Path) -> None:
    result = run_program("demo", "--port", port, folder=tmp_path)

    assert result.returncode in {1, 2}
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "port" in result.stderr


def test_it_leaves_the_book_and_the_settings_of_the_folder_alone(tmp_path: Path) -> None:
    """Who tries it beside a real installation has neither of them in the other's way."""
    (tmp_path / "dialbook.toml").write_text("no_such_setting = 1\n")
    database = f"sqlite:///{tmp_path / 'dialbook.db'}"

    with started("demo", folder=tmp_path, last_line=LAST_LINE, DIALBOOK_DATABASE=database) as demo:
        reply = run_as_printed(curl_commands(demo)[0])

    assert json.loads(reply)["metadata"]["total"] == 6
    assert [each.name for each in tmp_path.iterdir()] == ["dialbook.toml"]


def test_the_link_opens_the_console_signed_in_once(demo: Running) -> None:
    (link,) = re.findall(r"http://\S+/console/enter/\S+", demo.printed)

    with httpx2.Client(follow_redirects=True) as browser:
        browser.head(link)
        looked = browser.get(link)
        opened = browser.post(link)
    with httpx2.Client(follow_redirects=True) as another:
        again = another.post(link)

    assert "Open the console" in looked.text
    assert (opened.status_code, opened.url.path) == (200, "/console")
    assert "exotel8u3" in opened.text
    assert again.status_code == 401
    assert "used before" in again.text
