"""The documents say what is so: their commands run, their links lead somewhere, nothing they should name is missing."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from markdown_it.token import Token
from packaging.requirements import Requirement

import dialbook
from dialbook.cli.main import dialbook as command
from dialbook.server.app import OPERATIONS
from tests.conftest import run_cli
from tests.processes import HANG_SECONDS, environment, started

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("bench/*.md")]
)
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
LANGUAGES = {"bash": "run", "python": "run", "sh": "looked at", "json": "data", "toml": "data", "text": "not code"}
LONGEST = 240  # seconds that all commands of a document take together on a busy machine, each a process
PROGRAMS = ["bash", "curl", "jq"]
WITH_A_BOOK = ["docs/operate.md"]  # whose reader has one


def blocks(document: str, *languages: str) -> list[Token]:
    tokens = MarkdownIt().parse((ROOT / document).read_text())
    return [token for token in tokens if token.type == "fence" and (not languages or token.info in languages)]


def with_blocks(*languages: str) -> list[str]:
    return [name for name in NAMES if blocks(name, *languages)]


@pytest.mark.parametrize("document", NAMES)
def test_every_block_says_what_it_is(document: str) -> None:
    assert {block.info for block in blocks(document)} <= LANGUAGES.keys()


@pytest.mark.parametrize("document", with_blocks("bash"))
def test_commands_run_as_they_stand(document: str, tmp_path: Path) -> None:
    """All `bash` blocks of a document, one after the other in an empty folder; servers they start end with them."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing and "CI" not in os.environ:
        pytest.skip(f"{', '.join(missing)} is not installed")
    script = "\n".join(block.content for block in blocks(document, "bash"))
    script = re.sub(r"^(python3 -m venv|pip install) .*$", "", script, flags=re.MULTILINE)
    script = script.replace("8080", str(_free_port()))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    if document in WITH_A_BOOK:
        run_cli("account", "create", "acme", "--database", f"sqlite:///{tmp_path}/dialbook.db")

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"],
        cwd=tmp_path,
        env=environment({"PATH": path, "XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": str(tmp_path / "s")}),
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for block in blocks(document, "json"):
        assert json.dumps(json.loads(block.content), indent=2) in done.stdout


@pytest.mark.parametrize("document", with_blocks("python"))
def test_programs_run_as_they_stand(document: str, database: str, tmp_path: Path) -> None:
    """All `python` blocks of a document, one after the other, with an account in the environment."""
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)
    with started("serve", "--port", "0", "--database", database, folder=tmp_path) as server:
        host = server.url.removeprefix("http://")
        url = f"http://{key['api_key']}:{key['api_token']}@{host}/v2/accounts/acme"
        for block in blocks(document, "python"):
            done = subprocess.run(
                [sys.executable, "-c", block.content],
                cwd=tmp_path,
                env=environment({"DIALBOOK_URL": url}),
                capture_output=True,
                text=True,
                timeout=HANG_SECONDS,
                check=False,
            )
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", with_blocks("sh"))
def test_commands_that_are_not_run_here_exist(document: str) -> None:
    """Targets of make, and commands that go on until they are stopped."""
    targets = re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in "".join(block.content for block in blocks(document, "sh")).splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["make"]:
            assert set(words[1:]) <= set(targets), line
        if words[:1] == ["dialbook"]:
            assert CliRunner().invoke(command, [*words[1:], "--help"]).exit_code == 0, line


@pytest.mark.parametrize("document", NAMES)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith(("http://", "https://")):
            assert ((ROOT / document).parent / target).exists(), target


def test_every_defence_is_shown_by_a_test_that_is_there() -> None:
    _, _, section = (ROOT / "docs/security.md").read_text().partition("\n## What is defended\n")
    rows = re.findall(r"^\| (\w[^|]+)\|[^|]+\|([^|]+)\|$", section.partition("\n## ")[0], re.MULTILINE)
    shown = {against: re.findall(r"tests/[\w/]+\.py|make \w+", by) for against, by in rows[1:]}

    assert len(shown) > 20
    assert [against for against, by in shown.items() if not by] == []
    named = {name for by in shown.values() for name in by if name.startswith("tests/")}
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    newest = next(heading for heading in headings if heading != "Unreleased")

    assert newest == dialbook.__version__


def test_every_command_is_in_its_document() -> None:
    text = (ROOT / "docs/cli.md").read_text()

    for name in command.commands:
        assert f"## dialbook {name}" in text


def test_every_operation_is_in_the_compatibility_table() -> None:
    text = (ROOT / "docs/compatibility.md").read_text()

    for handlers in OPERATIONS.values():
        for handler in handlers.values():
            assert f"`{handler.__name__}`" in text


def test_every_dependency_earns_its_line() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {**settings["project"]["optional-dependencies"], **settings["dependency-groups"]}
    text = (ROOT / "docs/dependencies.md").read_text().lower()

    names = {Requirement(each).name for each in chain(settings["project"]["dependencies"], *groups.values())}

    assert [name for name in sorted(names - {"dialbook"}) if f"`{name}`" not in text] == []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
