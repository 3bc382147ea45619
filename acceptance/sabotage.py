"""Copies of the project with one thing broken, which a check has to notice: so it is known to bite."""

import shutil
from pathlib import Path

from acceptance.trial import ROOT, Sabotage
from bench.failure import Failure

PARTS = ("src", "examples")  # of the project, which are what a check runs


def break_copy(sabotage: Sabotage, copy: Path) -> Path:
    """Copy the project into a folder that is made, and break it there; return that folder.

    Raises:
        Failure: what is to be broken is not there, or not once.
    """
    for part in PARTS:
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / sabotage.file).write_text(broken_text(sabotage), encoding="utf-8")
    return copy


def broken_text(sabotage: Sabotage) -> str:
    """What is in the file once it is broken.

    Raises:
        Failure: what is to be broken is not there, or not once.
    """
    text = (ROOT / sabotage.file).read_text(encoding="utf-8")
    if (found := text.count(sabotage.old)) != 1:
        raise Failure(f"{sabotage.file} has {found} times what a sabotage replaces: {sabotage.old!r}")
    return text.replace(sabotage.old, sabotage.new)
