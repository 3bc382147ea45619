"""PostgreSQL is lost at the very moment of a commit: who asks again with the same Idempotency-Key makes it once."""

from collections.abc import Sequence

from acceptance.servers import client_of, complaints, rows, serving
from acceptance.trial import Figure, Trial
from bench.data import make_book
from tests.conftest import NUMBERS
from tests.cutting import cutting
from tests.postgres import running_postgres

UNKNOWN = 503
MOMENTS = ("before", "after")  # the commit is passed on


def measure(trial: Trial) -> Sequence[Figure]:
    """A round is a cut before the commit, and one after it."""
    unknown = again = same = 0
    with running_postgres() as postgres, cutting(postgres.port) as proxy:
        database = postgres.create_book()
        book = make_book(database)
        through = postgres.url(database.rpartition("/")[2], proxy.server_address[1])
        with serving(trial, through) as server, client_of(server, book) as http:
            for n in range(trial.rounds * len(MOMENTS)):
                request = {"contacts": [{"number": NUMBERS[n], "tag": f"cut{n}"}]}
                headers = {"Idempotency-Key": f"{trial.seed}-{n}"}
                proxy.when = MOMENTS[n % len(MOMENTS)]
                unknown += http.post("/contacts", json=request, headers=headers).status_code == UNKNOWN
                proxy.when = None
                answer = http.post("/contacts", json=request, headers=headers)
                again += answer.status_code == 200
                same += [item["data"]["tag"] for item in answer.json()["response"]] == [f"cut{n}"]
        made = [size for (size,) in rows(database, "SELECT count(*) FROM contacts GROUP BY tag")]
        problems = complaints(database)
    cuts = trial.rounds * len(MOMENTS)
    return [
        Figure("cuts", cuts, at_least=1),
        Figure("answered that nobody knows", unknown, at_least=cuts),
        Figure("asked again, answered as the first time", min(again, same), at_least=cuts),
        Figure("made once", made.count(1), at_least=cuts),
        Figure("complaints of doctor", len(problems), at_most=0),
    ]
