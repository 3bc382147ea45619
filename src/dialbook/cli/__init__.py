"""The command line."""

import sys


def main() -> None:
    """Run `dialbook`."""
    try:
        from dialbook.cli.main import dialbook  # noqa: PLC0415  # the client alone comes without these packages

        dialbook()
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("dialbook"):
            raise
        sys.exit(f"The command line needs {missing.name}, which Dialbook's extra 'server' brings.")
    except KeyboardInterrupt:
        sys.exit("Aborted!")
