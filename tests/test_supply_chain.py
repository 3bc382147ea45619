"""What Dialbook is made of: pinned by hash, new enough, written down; and no pattern of ours that input can stall."""

import ast
import importlib
import json
import pkgutil
import re
import subprocess
import tomllib
import warnings
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import apsw
import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

import dialbook
from tests.processes import HANG_SECONDS

ROOT = Path(__file__).parent.parent
LOCKS = sorted(ROOT.glob("requirements/*.txt"))
# The first versions without a known flaw that would reach us: docs/security.md says which.
FLOORS = {"starlette": "1.0.1", "python-multipart": "0.0.31", "jinja2": "3.1.6"}
SQLITE_FLOOR = "3.51.3"


def in_lock(lock: Path) -> list[Requirement]:
    text = lock.read_text().replace("\\\n", " ")
    return [Requirement(line.partition(" --hash")[0]) for line in text.splitlines() if line]


def installed(name: str, extras: set[str]) -> Iterator[NormalizedName]:
    """What a distribution that is installed needs here, and what that needs: the names, in one form."""
    for text in requires(name) or []:
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield canonicalize_name(needed.name)
            yield from installed(needed.name, needed.extras)


def stalling(pattern: str) -> bool:
    """Whether it has repetitions that overlap, so that some text takes the cube of its length, or more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # regexploit asks Python's own parser by its old name
        from regexploit.ast.sre import SreOpParser  # noqa: PLC0415
        from regexploit.redos import find  # noqa: PLC0415

    class Parser(SreOpParser):  # type: ignore[misc]
        def from_POSSESSIVE_REPEAT(self, repeat: tuple[int, int, Any]) -> object:  # noqa: N802  # as it is called
            """What is never gone back into is as good as one of what it repeats."""
            return self.sequence_or_singleton(repeat[2])

    return any(find(Parser().parse_sre(pattern, 0)))


def compiled_patterns() -> Iterator[str]:
    """Those that modules hold, however they are put together."""
    for module in pkgutil.walk_packages(dialbook.__path__, "dialbook."):
        if not module.name.endswith("__main__"):
            for value in vars(importlib.import_module(module.name)).values():
                pattern = getattr(value, "__self__", value)  # a module may hold a pattern's method
                if isinstance(pattern, re.Pattern):
                    yield pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()


def written_patterns() -> Iterator[str]:
    """Those that are handed to `re` as they are."""
    for path in (ROOT / "src/dialbook").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="re")), args=[ast.Constant(value=str(pattern)), *_]
                ) if pattern:
                    yield pattern


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_version_is_pinned_by_hash(lock: Path) -> None:
    pins = re.split(r"\n(?=\S)", lock.read_text().strip())

    assert pins
    assert [pin for pin in pins if re.match(r"\S+==\S+ ", pin) is None or "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("name", FLOORS)
def test_no_version_with_a_known_flaw_is_allowed_or_installed(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (allowed,) = [each for each in map(Requirement, project["optional-dependencies"]["server"]) if each.name == name]
    (pinned,) = [each for each in in_lock(ROOT / "requirements/server.txt") if each.name == name]
    (lowest,) = [each.version for each in allowed.specifier if each.operator == ">="]
    (locked,) = [each.version for each in pinned.specifier]

    for found in (lowest, locked, version(name)):
        assert Version(found) >= Version(FLOORS[name])


def test_sqlite_is_one_that_damages_no_file() -> None:
    assert Version(apsw.sqlite_lib_version()) >= Version(SQLITE_FLOOR)


def test_the_bill_of_materials_lists_whatever_a_server_runs_with(tmp_path: Path) -> None:
    target = tmp_path / "sbom.json"
    subprocess.run(["make", "sbom", f"SBOM={target}"], cwd=ROOT, check=True, timeout=HANG_SECONDS, capture_output=True)
    bill = json.loads(target.read_text())

    listed = {canonicalize_name(each["name"]): each["version"] for each in bill["components"]}
    needed = {name: version(name) for name in installed("dialbook", {"server", "postgres"})}

    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "dialbook"
    assert {"starlette", "apsw", "psycopg"} <= needed.keys()
    assert needed.items() <= listed.items()


@pytest.mark.parametrize("pattern", [r"(?:a+)+b", r"v\w*_\w*_\w*$"])
def test_patterns_that_can_be_stalled_are_found(pattern: str) -> None:
    assert stalling(pattern)


def test_no_pattern_of_ours_can_be_stalled_by_what_it_is_given() -> None:
    patterns = {*compiled_patterns(), *written_patterns()}

    assert len(patterns) > 20
    assert [pattern for pattern in patterns if stalling(pattern)] == []
