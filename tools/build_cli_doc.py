"""Builds docs/cli.md: for every command examples, and its own help as a terminal of 80 columns shows it."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from click.testing import CliRunner
from generated import ROOT, publish

from dialbook.cli.main import dialbook

TARGET = ROOT / "docs/cli.md"

HEAD = """\
<!-- Built by tools/build_cli_doc.py from the commands' own help: change it there. -->

# The command line

From nothing to a server that answers:

```sh
dialbook account create acme --region IN
dialbook key create acme --name "first key"
dialbook serve --port 8080
```

Every command has `--help`. What it found or made goes to standard output; questions, warnings and refusals go to
standard error. The exit status is 0 when it did what was asked, 1 when that was refused (`Error: …`, one line) or
the doctor found something wrong, and 2 when the command line could not be understood. With `--json`, standard output
is JSON and nothing else.

The commands that look after a server work on its database directly, so they need no running server, and may be used
beside one: what they change holds from the server's next request on. Where the database is, is a
[setting](settings.md). `contacts`, `lists`, `members` and `uploads` [speak to a server](#against-a-server); `pull` and
`push` keep a local book and an account on a server [equal](#a-mirror). `dialbook completion` has a shell complete all
of them.
"""

REMOTE = """\
## Against a server

The same commands speak to Dialbook and to the public service. Which account is meant, `--profile` says, else
`DIALBOOK_URL`, else the profile in use. Here a server of one's own, a key, and a file of contacts:

```bash
dialbook key create acme --json > key.json
dialbook serve --port 8080 2> requests.log &
curl --silent --retry 20 --retry-delay 1 --retry-connrefused --output openapi.json http://127.0.0.1:8080/openapi.json

cat > contacts.csv << 'END'
number,first_name,tag
+919845000001,Asha,vip
+919845000002,Bharat,
+919845000003,Chitra,
END
```

A profile for the public service, whose token is asked for:

```sh
dialbook profile add work https://api.in.exotel.com/v2/accounts/acme --key 6d73126c0ff16e099aa19084a2a9ba3b
```

A list is named by its name or its sid; contacts and uploads by their sids. Where many things are asked for at once,
each has its result in the answer, and the exit status is 1 when one was refused; what is there already was not. Where a
later request fails, or Ctrl-C ends the command, what is known by then is printed. What deletes something asks first,
unless `--yes` is given.

`success` of an upload counts the rows whose contacts joined the list, or were filled in by `--on-duplicate update`; of
a dry run, those that would.

Custom fields are printed by `--json`, exported as NDJSON and JSON, and read from such a file as they are written: a
number in them loses no digit. A CSV has the columns of an upload, without sids and custom fields. An empty text, as of
a shell's variable that is not set, is no profile, no filter and no network: it is refused.
"""

MIRROR = """\
## A mirror

`pull` makes a local book what an account on a server is, `push` the other way: contacts by number, lists by name,
members in the order in which they joined. Sids and dates are each side's own. What the other side does not have is
removed; before a book or an account that holds something is taken over for the first time, the command asks, and a push
also whenever more than half of the contacts or of the lists would go, or the local account was made anew. The other
side is a profile, or a URL without key and token that a profile has them for.

- **Killed at any moment**, by a signal or a power cut, it goes on when it is run again, and ends as one run would have.
  What it needs for that is in `$XDG_STATE_HOME/dialbook` (`~/.local/state/dialbook`), for nobody else to read.
- **One at a time**: while a pull into a book, or a push from it, is at work, others of that book are refused, whatever
  server they are for.
- **A second pull** reads the contacts that changed since, newest first. When the total says that some have left, it
  goes through all of them once; and so it does when the book was changed by somebody else, be it between two runs, or
  before one that was killed goes on. A list is read again when its date or its count has moved; a dynamic one always,
  and so is the one that was changed last, and each of the public service's, since there a date does not tell. All are
  read again when somebody has a number that is new in the book, since their lists do not tell of it. Two who have
  changed numbers with each other are not seen by that. `--full` reads everything.
- **A server whose backup was brought back** has lost what changed last: a second pull sees that, and reads everything.
  Where nothing but deletions was undone and as many have left since, it is not seen, and wants `--full`.
- **A second push** reads all of the server's account, and sends what differs. There is none while a pull into the book
  has not come to its end: who has not arrived yet would be deleted. Contacts and lists that no book can have (a number
  that is none, a name that is too long, or that is another list's but for blanks around it) stay there, and are named.
- **The rate limit** is kept: after a 429 it waits as long as the server asks, up to two minutes, and says so on a
  terminal. Where the server does not say how long, it asks again for up to a minute.
- **At the end** both sides are counted, and the exit status is 1 when they differ, when something was refused, which is
  named, or when the server went back, or the book was changed by somebody else, while the run was at work, or contacts
  or lists left each time that all were read, so that none was removed: then another run is due, and reads everything.
- **What a dynamic list keeps of each member** comes with a pull. The API has no way to send it. So a push takes nobody
  out of such a list but who is not in the book's, adds who is missing at the end, and leaves the order as it is; it
  names the list whose order differs, and each member of whom the two lists keep something else, with exit status 1. The
  next pull takes all of that from the server. A dynamic list with members on the server gives way to no static one.
"""

# What stands before the section of a command.
PREFACES = {"profile": REMOTE, "pull": MIRROR}

# In the order in which one meets the commands.
EXAMPLES = {
    "": ["dialbook --version"],
    "demo": ["dialbook demo"],
    "serve": [
        "dialbook serve",
        "dialbook serve --host 0.0.0.0 --port 8080 --workers 4 --trusted-proxies 10.0.0.0/8",
        "dialbook serve --host 0.0.0.0 --port 443 --tls-certificate fullchain.pem --tls-key privkey.pem",
        "dialbook serve --config /etc/dialbook.toml",
    ],
    "account": [],
    "account create": ["dialbook account create acme", "dialbook account create acme-sg --region SG"],
    "account list": ["dialbook account list", "dialbook account list --json"],
    "account delete": ["dialbook account delete acme-sg", "dialbook account delete acme-sg --yes"],
    "key": [],
    "key create": [
        "dialbook key create acme",
        "dialbook key create acme --name reporting --scope read --expires 90d",
        "dialbook key create acme --expires 2999-01-31 --allow 192.0.2.0/24 --allow 2001:db8::/32 --json",
    ],
    "key list": ["dialbook key list acme", "dialbook key list acme --json"],
    "key find": ["dialbook key find", "dialbook key find < found.txt"],
    "key update": [
        "dialbook key update acme 6d73126c0ff16e099aa19084a2a9ba3b --allow 192.0.2.0/24",
        "dialbook key update acme 6d73126c0ff16e099aa19084a2a9ba3b --allow-all",
    ],
    "key seal": ["dialbook key seal"],
    "key revoke": ["dialbook key revoke acme 6d73126c0ff16e099aa19084a2a9ba3b"],
    "migrate": ["dialbook migrate", "dialbook migrate --database sqlite:////var/lib/dialbook/book.db"],
    "doctor": ["dialbook doctor", "dialbook doctor --json"],
    "audit": [],
    "audit query": [
        "dialbook audit query acme",
        "dialbook audit query acme --action create_key --since 2027-01-01 --all --json",
    ],
    "audit verify": ["dialbook audit verify", "dialbook audit verify acme --json"],
    "export-subject": ["dialbook export-subject +919845000009 --account acme"],
    "erase": [
        "dialbook erase +919845000009 --account acme --yes > receipt.txt",
        "echo +919845000009 | dialbook erase - --all-accounts --yes --json",
    ],
    "backup": ["dialbook backup book-2027-01-31.db", "dialbook backup again.db --json"],
    "restore": [
        "dialbook restore book-2027-01-31.db --database sqlite:///restored.db",
        "dialbook restore again.db --database sqlite:///restored.db --replace --yes",
    ],
    "copy": ["dialbook copy --from sqlite:///dialbook.db --to sqlite:///copy.db"],
    "profile": [],
    "profile add": [
        "dialbook profile add local http://127.0.0.1:8080/v2/accounts/acme --credentials key.json",
        "jq -r .api_token key.json |"
        ' dialbook profile add other http://127.0.0.1:8080/v2/accounts/acme --key "$(jq -r .api_key key.json)"',
    ],
    "profile list": ["dialbook profile list"],
    "profile use": ["dialbook profile use local"],
    "profile remove": ["dialbook profile remove other"],
    "contacts": [],
    "contacts create": [
        'dialbook contacts create --number +919845000009 --first-name Indu --custom-field \'{"city": "Kochi"}\'',
        "dialbook contacts create --from contacts.csv",
        "jq -n '[{number: \"+919845000004\"}]' | dialbook contacts create --from - --json",
    ],
    "contacts list": [
        "dialbook contacts list --name asha --sort date_updated:desc",
        "dialbook contacts list --all --json > contacts.json",
    ],
    "contacts get": ['dialbook contacts get "$(jq -r .[0].sid contacts.json)"'],
    "contacts update": [
        "dialbook contacts update \"$(jq -r .[0].sid contacts.json)\" --tag vip --email ''",
        "jq '[.[] | {sid, tag: \"all\"}]' contacts.json | dialbook contacts update --from -",
    ],
    "contacts delete": [
        'dialbook contacts delete "$(jq -r .[-1].sid contacts.json)" --yes',
        "jq '[.[-2] | {sid}]' contacts.json | dialbook contacts delete --from - --yes",
    ],
    "lists": [],
    "lists create": ["dialbook lists create Friends --tag private"],
    "lists list": ["dialbook lists list", "dialbook lists list --name friend --sort name --json"],
    "lists get": ["dialbook lists get Friends"],
    "lists update": ["dialbook lists update Friends --tag vip"],
    "lists delete": ["dialbook lists create Former", "dialbook lists delete Former --yes"],
    "members": [],
    "members add": [
        "dialbook members add Friends --from contacts.csv",
        'dialbook members add Friends "$(jq -r .[0].sid contacts.json)"',
    ],
    "members list": ["dialbook members list Friends", "dialbook members list Friends --tag vip --json"],
    "members remove": [
        'dialbook members remove Friends "$(jq -r .[0].sid contacts.json)"',
        "jq '[.[1] | {sid}]' contacts.json | dialbook members remove Friends --from -",
    ],
    "members export": [
        "dialbook members export Friends --format csv -o friends.csv",
        "dialbook members export Friends -o friends.json",
        "dialbook members export Friends --format ndjson | gzip > friends.ndjson.gz",
    ],
    "uploads": [],
    "uploads create": [
        "dialbook uploads create contacts.csv --list Customers --watch",
        "dialbook uploads create contacts.csv --list Customers --on-duplicate update --json > upload.json",
    ],
    "uploads get": ['dialbook uploads get "$(jq -r .upload_id upload.json)" --watch'],
    "uploads list": ["dialbook uploads list"],
    "uploads errors": ['dialbook uploads errors "$(jq -r .upload_id upload.json)"'],
    "uploads cancel": ["dialbook uploads cancel 018f3c5e9b7d7c4a8e21d30f6b5a9c47"],
    "pull": [
        "dialbook pull --from local --database sqlite:///mirror.db",
        "dialbook pull --from local --database sqlite:///mirror.db --json",
    ],
    "push": ["dialbook push --to local --database sqlite:///mirror.db --yes"],
    "completion": ["dialbook completion bash > dialbook-completion.bash"],
}


def main() -> None:
    publish(Path(__file__).name, TARGET, build())


def build() -> str:
    if differing := set(list_commands(dialbook)) ^ EXAMPLES.keys():
        sys.exit(f"EXAMPLES and the commands differ: {', '.join(sorted(differing))}")
    return "\n".join([HEAD, *(build_section(command, examples) for command, examples in EXAMPLES.items())])


def list_commands(group: click.Group, above: str = "") -> Iterator[str]:
    yield above
    for name, command in group.commands.items():
        path = f"{above} {name}".strip()
        if isinstance(command, click.Group):
            yield from list_commands(command, path)
        else:
            yield path


def build_section(command: str, examples: list[str]) -> str:
    level = "###" if " " in command else "##"
    shown = [f"```{language(examples)}", *examples, "```", ""] if examples else []
    before = [PREFACES[command]] if command in PREFACES else []
    parts = [*before, f"{level} dialbook {command}".rstrip(), "", *shown, "```text", read_help(command), "```", ""]
    return "\n".join(parts)


def read_help(command: str) -> str:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(dialbook, [*command.split(), "--help"], catch_exceptions=False)
    return result.stdout.rstrip()


def language(examples: Sequence[str]) -> str:
    """`bash` for what the tests run; `sh` for what goes on until it is stopped, asks, or names what nobody has."""
    keys = ("key find", "key revoke", "key seal", "key update")
    unfit = ("dialbook serve", "dialbook demo", "account delete", *keys, "uploads cancel", "/var/lib")
    return "sh" if any(part in example for part in unfit for example in examples) else "bash"


if __name__ == "__main__":
    main()
