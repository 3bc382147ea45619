"""The acceptance checks bite: what each has to notice can still be broken, and a figure out of bounds is a miss."""

from pathlib import Path

import pytest

from acceptance.checks import CHECKS
from acceptance.sabotage import broken_text
from acceptance.suites import suite
from acceptance.trial import ROOT, Check, Figure, Trial
from acceptance.writers import is_torn, lost_items
from bench.failure import Failure

CASES = [pytest.param(check, engine, id=f"{check.name}-{engine}") for check in CHECKS for engine in check.cases]


@pytest.mark.parametrize(("check", "engine"), CASES)
def test_what_a_check_has_to_notice_can_be_broken(check: Check, engine: str) -> None:
    sabotage = check.cases[engine].broken

    text = broken_text(sabotage)

    assert text != (ROOT / sabotage.file).read_text(encoding="utf-8")
    if sabotage.file.endswith(".py"):
        compile(text, sabotage.file, "exec")


def test_every_check_is_in_the_table_of_promises() -> None:
    table = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")

    assert [check.name for check in CHECKS if f"`{check.name}`" not in table] == []


@pytest.mark.parametrize(
    ("found", "lost", "torn"),
    [
        ({"a": 50, "b": 50}, 0, False),
        ({"a": 50, "c": 50}, 0, False),
        ({"a": 49, "b": 50}, 1, False),
        ({"b": 50}, 50, False),
        ({"a": 50}, 0, True),
        ({"a": 50, "b": 20, "c": 30}, 0, True),
        ({"a": 50, "b": 50, "d": 1}, 0, True),
    ],
)
def test_what_a_crash_has_cost_is_counted(found: dict[str, int], lost: int, torn: bool) -> None:
    """The caller knows of a and b, and had just asked for b to become c."""
    told, asked = {"a": 50, "b": 50}, {"a": 50, "c": 50}

    assert lost_items(told, asked, found) == lost
    assert is_torn(told, asked, found) == torn


@pytest.mark.parametrize(("value", "is_kept"), [(0, False), (1, True), (2, True), (3, False)])
def test_a_figure_is_kept_within_its_bounds(value: float, is_kept: bool) -> None:
    figure = Figure("answers", value, " s", at_least=1, at_most=2)

    assert figure.is_kept == is_kept
    assert str(figure).strip("*") == f"answers {value} s (at least 1) (at most 2)"
    assert str(figure).startswith("**") != is_kept


def test_tests_that_are_not_run_are_no_success(tmp_path: Path) -> None:
    trial = Trial("sqlite", 1, 1, ROOT, tmp_path)

    with pytest.raises(Failure, match="pytest ended with 4"):
        suite("test_acceptance.py::test_that_there_is_none")(trial)
