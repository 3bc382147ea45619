"""What is built from other files is up to date with them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dialbook.settings import Settings, load_settings
from tests.processes import HANG_SECONDS

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("tool", ["build_cli_doc", "build_openapi", "build_settings_doc", "build_sync_client"])
def test_a_generated_file_is_fresh(tool: str) -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "tools" / f"{tool}.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )

    assert result.returncode == 0, result.stderr


def test_the_example_file_of_the_settings_has_them_all_with_their_defaults(tmp_path: Path) -> None:
    *_, example = re.findall(r"```toml\n(.+?)```", (ROOT / "docs/settings.md").read_text(), re.DOTALL)
    config = tmp_path / "dialbook.toml"
    config.write_text(example)

    assert load_settings({}, config=config, environment={}) == Settings()
    assert re.findall(r"^(\w+) = ", example, re.MULTILINE) == [*Settings.__struct_fields__]
