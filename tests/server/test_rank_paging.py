"""Whatever joined and left, and however far the positions have come, a page is a slice of who is in the list."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, execute, run_cli, serving

GAPS = {"none": 0, "into the third level": 40_000, "into the sixth level": 2**30 + 5, "beyond all levels": 2**36 + 5}


@dataclass
class Walked:
    """A list on a server, and who should be in it, in order."""

    server: Server
    client: Client
    list_sid: str
    members: list[str] = field(default_factory=list)

    def join(self, sids: list[str]) -> None:
        answer = self.client.add_members(self.list_sid, *sids)
        assert answer.status_code == 200, answer.text
        self.members += sids

    def leave(self, sid: str) -> None:
        self.client.delete(f"/lists/{self.list_sid}/contacts/{sid}")
        self.members.remove(sid)

    def delete_contact(self, sid: str) -> None:
        self.client.delete(f"/contacts/{sid}")
        self.members.remove(sid)

    def skip_positions(self, count: int) -> None:
        """Have the next contact join as if so many had come and gone before it."""
        execute(
            self.server.database,
            "UPDATE lists SET next_position = next_position + :count WHERE account = :account AND sid = :list",
            count=count,
            account=self.client.account,
            list=self.list_sid,
        )

    def check(self, offsets: range | list[int], limit: int = 7) -> None:
        for offset in offsets:
            page = self.client.get(f"/lists/{self.list_sid}/contacts", offset=offset, limit=limit).json()
            found = [item["data"]["sid"] for item in page["response"]]
            assert found == self.members[offset : offset + limit], offset
            assert page["metadata"]["total"] == len(self.members)


@pytest.fixture
def walked(new_database: Callable[[], str], connect: Callable[..., Client]) -> Iterator[Walked]:
    with serving(Settings(database=new_database())) as server:
        client = connect(to=server)
        yield Walked(server, client, client.create_list()["sid"])


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_every_offset_finds_its_member(walked: Walked, gap: int) -> None:
    chance = random.Random(7)
    contacts = walked.client.create_contacts(*({"number": number} for number in NUMBERS[:1500]))
    sids = [contact["sid"] for contact in contacts]
    walked.join(sids[:700])
    walked.check([0, 1, 31, 32, 33, 699, 700, 701])
    walked.skip_positions(gap)
    walked.join(sids[700:])

    for sid in sids[40:170]:  # blocks that become empty
        walked.leave(sid)
    walked.check([30, 300, 900])  # what was found for these is another time's by the next page
    for sid in chance.sample(walked.members, 150):
        chance.choice([walked.leave, walked.delete_contact])(sid)
    walked.join(sids[40:60])

    walked.check(range(0, len(walked.members) + 3, 3))
    checks = run_cli("doctor", "--database", walked.server.database)
    assert [check for check in checks if not check["ok"]] == []


def test_a_list_that_everybody_left_begins_anew(walked: Walked) -> None:
    contacts = walked.client.create_contacts(*({"number": number} for number in NUMBERS[:70]))
    sids = [contact["sid"] for contact in contacts]
    walked.join(sids)

    for sid in sids:
        walked.leave(sid)
    walked.check([0, 1, 69])
    walked.join(sids[::-1])

    walked.check(range(72))
