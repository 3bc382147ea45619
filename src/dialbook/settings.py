"""What an operator can set: in a TOML file, in the environment, by a flag; the later wins."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from dialbook.model.errors import Invalid
from dialbook.model.network import read_networks

PREFIX = "DIALBOOK_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
NO_SETTINGS = {CONFIG_VARIABLE, f"{PREFIX}URL", f"{PREFIX}TOKEN"}  # the others are for those who speak to a server
CONFIG_FILE = Path("dialbook.toml")
SECRETS = {"token_secret"}  # which no message shows
SECRET_LENGTH = 32  # characters at least, so that it cannot be guessed


class Settings(Struct, frozen=True):
    """Every setting, its default and what it means; `docs/settings.md` is made from this class."""

    database: Annotated[
        str,
        Meta(
            description="Where the book is kept: `sqlite:///FILE`, with four slashes before an absolute path, or "
            "`postgresql://USER@HOST/DATABASE`."
        ),
    ] = "sqlite:///dialbook.db"
    host: Annotated[str, Meta(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="The TCP port to listen on; 0 takes a free one.")] = 8080
    tls_certificate: Annotated[
        str,
        Meta(
            description="The file with the server's certificate, and those that lead from it to a root, in PEM: with "
            "it Dialbook speaks HTTPS, by TLS 1.2 or newer. Empty: it speaks HTTP."
        ),
    ] = ""
    tls_key: Annotated[
        str, Meta(description="The file with the certificate's private key, in PEM; empty where it is in the same one.")
    ] = ""
    insecure_http: Annotated[
        bool,
        Meta(
            description="Whether to speak HTTP on an address that other machines reach, where whoever is in between "
            "can read API tokens. It is not needed with `tls_certificate`, nor behind `trusted_proxies`."
        ),
    ] = False
    token_secret: Annotated[
        str,
        Meta(
            description="What the hashes of API tokens are sealed with, of 32 characters or more: who can write to the "
            "database can then make up no key. Keep it apart from the database and its backups. Empty: they are not "
            "sealed."
        ),
    ] = ""
    workers: Annotated[int, Meta(ge=1, le=64, description="Processes that answer requests.")] = 1
    page_limit: Annotated[int, Meta(ge=1, le=5000, description="The largest `limit` that a page may be asked for.")] = (
        5000
    )
    body_limit: Annotated[int, Meta(ge=1024, description="The largest JSON body, in bytes.")] = 10 * 1024 * 1024
    upload_limit: Annotated[int, Meta(ge=1024, description="The largest CSV file of an upload, in bytes.")] = 60_000_000
    upload_folder: Annotated[
        str,
        Meta(
            description="Where uploaded files wait until they are worked off, in a folder of its own for each book. "
            "Empty: `FILE-uploads` beside a SQLite file, `dialbook-uploads` in the current folder for PostgreSQL."
        ),
    ] = ""
    report_days: Annotated[
        int, Meta(ge=0, le=36_500, description="How many days an upload is remembered, with its report, after its end.")
    ] = 30
    idempotency_hours: Annotated[
        int,
        Meta(
            ge=1,
            le=8760,
            description="How many hours the answer to a change with an `Idempotency-Key` can be asked for again.",
        ),
    ] = 24
    audit_days: Annotated[
        int, Meta(ge=1, le=36_500, description="How many days an entry of the audit log is kept; whole days, in UTC.")
    ] = 400
    static_list_limit: Annotated[int, Meta(ge=1, description="How many contacts a static list may hold.")] = 100_000
    dynamic_list_limit: Annotated[int, Meta(ge=1, description="How many contacts a dynamic list may hold.")] = 500_000
    rate_limit: Annotated[
        int, Meta(ge=0, description="Requests a minute that each account may make; 0 sets no limit.")
    ] = 0
    failed_sign_ins: Annotated[
        int,
        Meta(ge=0, description="Failed sign-ins a minute from one address, and with one key; 0 sets no limit."),
    ] = 10
    max_requests: Annotated[
        int, Meta(ge=2, description="Requests that a worker has under way at the same time; one caller may have half.")
    ] = 256
    max_streams: Annotated[
        int,
        Meta(
            ge=2,
            description="Uploads that a worker receives and exports that it sends at the same time, beside the "
            "requests; one account may have half.",
        ),
    ] = 16
    head_seconds: Annotated[int, Meta(ge=1, description="How long a client may take to send a request's head.")] = 10
    idle_seconds: Annotated[
        int,
        Meta(
            ge=1,
            description="How long a client may send nothing of a body, take nothing of an answer, or have no request "
            "on a connection. After so long it also has to keep to `least_speed`.",
        ),
    ] = 30
    body_seconds: Annotated[int, Meta(ge=1, description="How long a client may take to send a whole body.")] = 1800
    least_speed: Annotated[
        int, Meta(ge=0, description="Bytes a second of a body that is sent, and of an answer that is taken.")
    ] = 1024
    trusted_proxies: Annotated[
        str,
        Meta(
            description="Addresses and networks of proxies, with commas between them, as in `127.0.0.1,10.0.0.0/8`. "
            "Of a connection from one of them, `X-Forwarded-For` says whose request it is."
        ),
    ] = ""
    metrics_host: Annotated[
        str, Meta(description="The address for Prometheus, which asks without a key; no account's data is there.")
    ] = "127.0.0.1"
    metrics_port: Annotated[
        int, Meta(ge=0, le=65535, description="The TCP port for Prometheus, with `/metrics`; 0: there is none.")
    ] = 0
    drain_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=300,
            description="How long the server goes on after SIGTERM, with `/readyz` at 503, so that a balancer has time "
            "to send nothing more.",
        ),
    ] = 0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least of what is logged; `info` has a line for each request."),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"], Meta(description="How a line of the log is written; `json` has the same fields.")
    ] = "text"

    def __post_init__(self) -> None:
        try:
            read_networks(self.trusted_proxies)
        except Invalid as refusal:
            raise Invalid(f"Settings: trusted_proxies: {refusal.description}") from None
        if 0 < len(self.token_secret) < SECRET_LENGTH:
            raise Invalid(f"Settings: token_secret has fewer than {SECRET_LENGTH} characters.")


def load_settings(
    flags: Mapping[str, object], *, config: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Read all settings once.

    Args:
        flags: what the command line gave; `None` counts as not given.
        config: a TOML file; else the one that `DIALBOOK_CONFIG` names, else `dialbook.toml` where there is one.
        environment: the variables to look into; a value may also come from the file that `<NAME>_FILE` names.

    Raises:
        Invalid: an unknown setting, or a value that is not allowed.
    """
    values = _from_file(config, environment) | _from_environment(environment)
    shown = {name: _with_variable(name, environment) for name in values}
    given = {name: value for name, value in flags.items() if value is not None}
    values, shown = values | given, shown | dict(zip(given, given, strict=True))
    if unknown := [shown[name] for name in sorted(values.keys() - set(Settings.__struct_fields__))]:
        known = ", ".join(Settings.__struct_fields__)
        raise Invalid(f"Settings: there is no setting {', '.join(unknown)}; known are {known}.")
    for name, value in values.items():
        _check(name, value, shown[name])
    return msgspec.convert(values, Settings, strict=False)


def allowed_values(name: str) -> str:
    """What a setting may be, in words: `a whole number from 0 to 65535`."""
    field = msgspec.json.schema(Settings)["$defs"][Settings.__name__]["properties"][name]
    if "enum" in field:
        *others, last = field["enum"]
        return f"{', '.join(others)} or {last}"
    if field["type"] == "boolean":
        return "true or false"
    if field["type"] != "integer":
        return "text"
    largest = f"to {field['maximum']}" if "maximum" in field else "on"
    return f"a whole number from {field['minimum']} {largest}"


def to_environment(settings: Settings) -> dict[str, str]:
    """The settings as variables, and no file besides: for the processes of a server."""
    return {CONFIG_VARIABLE: os.devnull} | {
        PREFIX + name.upper(): str(value) for name, value in msgspec.structs.asdict(settings).items()
    }


def _check(name: str, value: object, shown_name: str) -> None:
    try:
        msgspec.convert({name: value}, Settings, strict=False)
    except msgspec.ValidationError:
        shown = "something else" if name in SECRETS else repr(value)
        raise Invalid(f"Settings: {shown_name} is {shown}; allowed is {allowed_values(name)}.") from None


def _with_variable(name: str, environment: Mapping[str, str]) -> str:
    """A setting's name, and the variable that it comes from, if it does: others set such too, as Kubernetes does."""
    variable = PREFIX + name.upper()
    found = next((each for each in (variable, f"{variable}_FILE") if each in environment), None)
    return f"{name} ({found})" if found else name


def _from_file(config: Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    named = config or (Path(environment[CONFIG_VARIABLE]) if CONFIG_VARIABLE in environment else None)
    path = named or CONFIG_FILE.absolute()  # which says the folder that Dialbook was started in
    try:
        return tomllib.loads(path.read_text())
    except OSError as trouble:
        if named is None and isinstance(trouble, FileNotFoundError):
            return {}
        raise Invalid(f"Settings: {path} cannot be read ({trouble.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"Settings: {path} is not TOML: {error}.") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX) or variable in NO_SETTINGS:
            continue
        if f"{variable}_FILE" in environment:
            raise Invalid(f"Settings: give {variable} or {variable}_FILE, not both.")
        name = variable.removeprefix(PREFIX).lower()
        values[name.removesuffix("_file")] = _file_text(variable, value) if name.endswith("_file") else value
    return values


def _file_text(variable: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise Invalid(f"Settings: {variable} names {path}, which cannot be read.") from None
