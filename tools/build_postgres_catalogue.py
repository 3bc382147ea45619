"""Builds the list of all that the steps of the schema make on PostgreSQL, by a server that it starts for that."""

import sys
from pathlib import Path

from generated import ROOT, publish

from dialbook.store import postgres_catalogue
from dialbook.store.postgres_session import connect

sys.path.insert(0, str(ROOT))  # the tests start servers already
from tests.postgres import running_postgres

TARGET = ROOT / "src/dialbook/store" / postgres_catalogue.FILE


def main() -> None:
    publish(Path(__file__).name, TARGET, build())


def build() -> str:
    with running_postgres() as postgres, connect(postgres.create_book()) as connection:
        return postgres_catalogue.write_down(postgres_catalogue.things(connection))


if __name__ == "__main__":
    main()
