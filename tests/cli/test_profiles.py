"""`dialbook profile`: accounts are saved and found, and their tokens are shown to nobody."""

import json
import stat
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from tests.cli.conftest import Dial
from tests.client.peer import peer, refusal
from tests.conftest import Client, Server
from tests.processes import run_program

URL = "https://contacts.example.com/v2/accounts/acme"
TOKEN = "a-token-that-nobody-may-see"


@pytest.fixture
def run(home: dict[str, str]) -> Callable[..., Result]:
    def run(*arguments: str, input: str | None = None, **variables: str) -> Result:  # noqa: A002  # as click's
        return CliRunner(env={**home, **variables}).invoke(dialbook, arguments, input=input, catch_exceptions=False)

    return run


Run = Callable[..., Result]


def add(run: Run, name: str = "work", url: str = URL) -> Result:
    return run("profile", "add", name, url, "--key", "k", input=f"{TOKEN}\n")


@pytest.fixture
def file(home: dict[str, str]) -> Path:
    return Path(home["XDG_CONFIG_HOME"]) / "dialbook" / "profiles.json"


def test_a_profile_is_for_its_owner_alone(run: Run, file: Path) -> None:
    assert add(run).stdout == "Profile work is saved, and used where none is named.\n"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {path.name for path in file.parent.iterdir()} == {"profiles.json", "profiles.lock"}
    assert not [path for path in file.parent.iterdir() if stat.S_IMODE(path.stat().st_mode) != 0o600]


def test_profiles_that_are_saved_at_once_are_all_kept(run: Run, home: dict[str, str], tmp_path: Path) -> None:
    names = [f"work{n}" for n in range(8)]

    def save(name: str) -> int:
        command = ("profile", "add", name, URL, "--key", "k")
        return run_program(*command, folder=tmp_path, DIALBOOK_TOKEN=TOKEN, **home).returncode

    with ThreadPoolExecutor(len(names)) as pool:
        assert set(pool.map(save, names)) == {0}
    assert [row["profile"] for row in json.loads(run("profile", "list", "--json").stdout)] == names


def test_a_file_that_others_may_read_is_refused(run: Run, file: Path) -> None:
    add(run)
    file.chmod(0o640)

    result = run("profile", "list")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {file} holds tokens, and others may read it: chmod 600 {file}\n"


def test_profiles_are_shown_taken_and_removed_without_their_tokens(run: Run) -> None:
    said = [add(run), add(run, "home", URL.replace("acme", "kin"))]
    said += [run("profile", "use", "home"), run("profile", "list"), run("profile", "list", "--json")]
    said += [run("profile", "remove", "home", "--json"), run("profile", "use", "home")]

    assert [result.exit_code for result in said] == [0, 0, 0, 0, 0, 0, 1]
    assert [(row["profile"], row["used"]) for row in json.loads(said[4].stdout)] == [("home", True), ("work", False)]
    assert said[-1].stderr == "Error: There is no profile 'home'. Saved are: work.\n"
    assert not [result for result in said if TOKEN in result.output]
    assert "Which account?" in run("lists", "list").stderr


def test_a_program_reads_what_was_saved_and_taken(run: Run) -> None:
    saved = run("profile", "add", "work", URL, "--key", "k", "--json", input=f"{TOKEN}\n")
    taken = run("profile", "use", "work", "--json")

    assert json.loads(saved.stdout) == json.loads(taken.stdout)
    assert json.loads(taken.stdout) == {"profile": "work", "url": URL, "api_key": "k", "used": True}


def test_a_token_comes_from_the_environment_too(run: Run, file: Path) -> None:
    result = run("profile", "add", "work", URL, "--key", "k", DIALBOOK_TOKEN=TOKEN)

    assert result.exit_code == 0
    assert json.loads(file.read_text())["profiles"]["work"]["token"] == TOKEN


def test_of_profiles_with_one_address_the_one_in_use_is_meant(run: Run, tmp_path: Path) -> None:
    with peer(refusal(401, 1010)) as there:
        url = f"http://{there.host}/v2/accounts/acme"
        for name in ("first", "second", "third"):
            run("profile", "add", name, url, "--key", name, input=f"{TOKEN}\n")
        run("profile", "use", "second")
        run("pull", "--from", url, "--database", f"sqlite:///{tmp_path}/book.db")

    assert [b64encode(f"second:{TOKEN}".encode()) in request for request in there.requests] == [True]


@pytest.mark.parametrize("command", [["pull", "--from"], ["push", "--to"]])
def test_of_several_profiles_with_one_address_none_is_guessed(command: list[str], run: Run) -> None:
    add(run, "elsewhere", "https://contacts.example.com/v2/accounts/other")
    add(run, "second")
    add(run, "first")

    result = run(*command, URL)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: Several profiles have {URL}: name one of them, first or second.\n"


def test_a_profile_comes_from_a_key_and_finds_its_server(run: Run, api: Client, server: Server, tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(json.dumps({"account_sid": "x", "api_key": api.key, "api_token": api.token}))
    url = f"{server.url}/v2/accounts/{api.account}"

    made = run("profile", "add", "local", url, "--credentials", str(tmp_path / "key.json"))
    api.create_list("Friends")

    assert made.exit_code == 0
    for options in ([], ["--profile", "local"]):
        assert json.loads(run("lists", "list", "--json", *options).stdout)[0]["name"] == "Friends"


def test_a_named_profile_wins_over_the_environment_and_that_over_the_one_in_use(run: Run, dial: Dial) -> None:
    add(run, "away", "http://127.0.0.1:1/v2/accounts/acme")

    assert dial("lists", "list").exit_code == 0
    assert "127.0.0.1:1 is not reached" in dial("lists", "list", "--profile", "away").stderr


@pytest.mark.parametrize(
    ("arguments", "given", "status", "said"),
    [
        ([URL, "--key", "k"], "", 2, "There is no token"),
        ([URL], f"{TOKEN}\n", 2, "Give --key or --credentials"),
        (["https://k:t@h/v2/accounts/a", "--key", "k"], f"{TOKEN}\n", 1, "without key and token"),
        (["https://h/acme", "--key", "k"], f"{TOKEN}\n", 1, "is no address of an account"),
        (["ftp://h/v2/accounts/a", "--key", "k"], f"{TOKEN}\n", 1, "is no address of an account"),
        ([URL, "--credentials", "-"], "{}", 1, "--credentials holds no api_key and api_token"),
    ],
)
def test_a_profile_that_leads_nowhere_is_not_saved(
    arguments: list[str], given: str, status: int, said: str, run: Run, file: Path
) -> None:
    result = run("profile", "add", "work", *arguments, input=given)

    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr
    assert TOKEN not in result.output
    assert not file.exists()


def test_a_profile_needs_a_name(run: Run, file: Path) -> None:
    result = add(run, "")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "A profile needs a name." in result.stderr
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"profiles": {"work": {}}}', b'{"current": "\xff"}'])
def test_a_file_of_something_else_is_refused(content: bytes, run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    file.chmod(0o600)

    assert "is no file of profiles" in run("profile", "list").stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_to_complete(shell: str, run: Run) -> None:
    result = run("completion", shell)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "_DIALBOOK_COMPLETE" in result.stdout


def test_commands_and_profiles_are_completed(run: Run, home: dict[str, str], tmp_path: Path) -> None:
    add(run)

    def complete(*words: str) -> list[str]:
        typed = {"COMP_WORDS": " ".join(["dialbook", *words]), "COMP_CWORD": str(len(words))}
        done = run_program(folder=tmp_path, _DIALBOOK_COMPLETE="bash_complete", **typed, **home)
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert complete("prof") == ["profile"]
    assert complete("profile", "use", "w") == ["work"]
    assert complete("lists", "list", "--profile", "w") == ["work"]


def test_every_command_that_speaks_to_a_server_takes_a_profile() -> None:
    for name in ("contacts", "lists", "members", "uploads"):
        group = dialbook.commands[name]
        assert isinstance(group, click.Group)
        for command in group.commands.values():
            assert "profile" in {each.name for each in command.params}, command.name
