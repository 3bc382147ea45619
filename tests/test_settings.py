"""Settings: where each may come from, which place wins, and what is said of one that cannot be."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dialbook.model.errors import Invalid
from dialbook.settings import Settings, load_settings, to_environment

DEFAULTS: dict[str, Any] = {
    "database": "sqlite:///dialbook.db",
    "host": "127.0.0.1",
    "port": 8080,
    "tls_certificate": "",
    "tls_key": "",
    "insecure_http": False,
    "token_secret": "",
    "workers": 1,
    "page_limit": 5000,
    "body_limit": 10 * 1024 * 1024,
    "upload_limit": 60_000_000,
    "upload_folder": "",
    "report_days": 30,
    "idempotency_hours": 24,
    "audit_days": 400,
    "static_list_limit": 100_000,
    "dynamic_list_limit": 500_000,
    "rate_limit": 0,
    "failed_sign_ins": 10,
    "max_requests": 256,
    "max_streams": 16,
    "head_seconds": 10,
    "idle_seconds": 30,
    "body_seconds": 1800,
    "least_speed": 1024,
    "trusted_proxies": "",
    "metrics_host": "127.0.0.1",
    "metrics_port": 0,
    "drain_seconds": 0,
    "log_level": "info",
    "log_format": "text",
}
OTHERS: dict[str, Any] = {
    "database": "sqlite:////var/lib/dialbook/book.db",
    "host": "::1",
    "port": 9090,
    "tls_certificate": "/etc/dialbook/certificate.pem",
    "tls_key": "/etc/dialbook/key.pem",
    "insecure_http": True,
    "token_secret": "a secret for tests alone, 32 or more",
    "workers": 4,
    "page_limit": 100,
    "body_limit": 4096,
    "upload_limit": 8192,
    "upload_folder": "/var/spool/dialbook",
    "report_days": 7,
    "idempotency_hours": 48,
    "audit_days": 90,
    "static_list_limit": 10,
    "dynamic_list_limit": 20,
    "rate_limit": 600,
    "failed_sign_ins": 3,
    "max_requests": 64,
    "max_streams": 4,
    "head_seconds": 5,
    "idle_seconds": 15,
    "body_seconds": 600,
    "least_speed": 4096,
    "trusted_proxies": "10.0.0.0/8, ::1",
    "log_level": "debug",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def in_toml(values: dict[str, Any]) -> str:
    """A TOML file with these values; its strings are written as in JSON."""
    return "".join(f"{name} = {msgspec.json.encode(value).decode()}\n" for name, value in values.items())


def variable(name: str) -> str:
    return f"DIALBOOK_{name.upper()}"


def test_without_any_the_defaults_hold() -> None:
    assert msgspec.structs.asdict(load_settings({}, environment={})) == DEFAULTS


def test_each_may_come_from_the_file_of_the_folder(folder: Path) -> None:
    (folder / "dialbook.toml").write_text(in_toml(OTHERS))

    assert load_settings({}, environment={}) == Settings(**OTHERS)


@pytest.mark.parametrize("by_variable", [True, False], ids=["DIALBOOK_CONFIG", "--config"])
def test_each_may_come_from_a_file_that_is_named(by_variable: bool, folder: Path) -> None:
    (folder / "dialbook.toml").write_text("no_such_setting = 'this file is not the one'")
    (folder / "my.toml").write_text(in_toml(OTHERS))

    assert _load_named("my.toml", by_variable) == Settings(**OTHERS)


def test_a_file_named_by_the_flag_wins_over_the_one_named_by_the_variable(folder: Path) -> None:
    (folder / "first.toml").write_text("port = 1111")
    (folder / "second.toml").write_text("port = 2222")

    found = load_settings({}, config=Path("first.toml"), environment={"DIALBOOK_CONFIG": "second.toml"})

    assert found.port == 1111


def test_each_may_come_from_the_environment() -> None:
    environment = {variable(name): str(value) for name, value in OTHERS.items()}

    assert load_settings({}, environment=environment) == Settings(**OTHERS)


def test_each_may_come_from_a_file_that_a_variable_names(folder: Path) -> None:
    """As secrets do in containers; such a file often ends with a line end."""
    for name, value in OTHERS.items():
        (folder / name).write_text(f"{value}\n")

    environment = {f"{variable(name)}_FILE": str(folder / name) for name in OTHERS}

    assert load_settings({}, environment=environment) == Settings(**OTHERS)


def test_each_may_come_from_a_flag() -> None:
    assert load_settings(OTHERS, environment={}) == Settings(**OTHERS)


def test_a_flag_wins_over_the_environment_which_wins_over_the_file(folder: Path) -> None:
    (folder / "dialbook.toml").write_text("port = 1111\nworkers = 2\nrate_limit = 3")
    environment = {"DIALBOOK_PORT": "2222", "DIALBOOK_WORKERS": "4"}

    found = load_settings({"port": 3333}, environment=environment)

    assert (found.port, found.workers, found.rate_limit) == (3333, 4, 3)


def test_a_file_that_a_variable_names_wins_over_the_toml_file(folder: Path) -> None:
    (folder / "dialbook.toml").write_text("port = 1111")
    (folder / "port").write_text("2222")

    assert load_settings({}, environment={"DIALBOOK_PORT_FILE": "port"}).port == 2222


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert load_settings({"port": None, "host": None}, environment={"DIALBOOK_PORT": "2222"}).port == 2222


def test_variables_of_others_are_no_settings() -> None:
    environment = {"PORT": "1", "MY_DIALBOOK_PORT": "2", "DIALBOOK_URL": "http://localhost:8080"}

    assert load_settings({}, environment=environment) == Settings()


def test_a_worker_gets_from_its_environment_what_the_server_was_given() -> None:
    settings = Settings(**OTHERS)

    assert load_settings({}, environment=to_environment(settings)) == settings


@pytest.mark.parametrize("origin", ["file", "environment", "flag"])
def test_a_setting_that_does_not_exist_is_refused_with_those_that_do(origin: str, folder: Path) -> None:
    with pytest.raises(Invalid) as refused:
        _load_from(origin, folder, "prot", "8080")

    shown = "prot (DIALBOOK_PROT)" if origin == "environment" else "prot"
    assert refused.value.description.startswith(f"Settings: there is no setting {shown}; known are ")
    assert [name for name in DEFAULTS if name not in refused.value.description] == []


IMPOSSIBLE = [
    ("port", "http", ["whole"]),
    ("port", "", ["whole"]),
    ("port", "80.5", ["whole"]),
    ("port", "-1", ["0"]),
    ("port", "65536", ["65535"]),
    ("insecure_http", "perhaps", ["true", "false"]),
    ("token_secret", "short", ["32"]),
    ("workers", "0", ["1"]),
    ("workers", "65", ["64"]),
    ("page_limit", "0", ["1"]),
    ("page_limit", "5001", ["5000"]),
    ("body_limit", "1023", ["1024"]),
    ("static_list_limit", "0", ["1"]),
    ("dynamic_list_limit", "0", ["1"]),
    ("rate_limit", "-1", ["0"]),
    ("failed_sign_ins", "-1", ["0"]),
    ("max_requests", "1", ["2"]),
    ("max_streams", "1", ["2"]),
    ("head_seconds", "0", ["1"]),
    ("idle_seconds", "0", ["1"]),
    ("body_seconds", "0", ["1"]),
    ("least_speed", "-1", ["0"]),
    ("trusted_proxies", "10.0.0.0/8, proxy", ["proxy", "192"]),
    ("trusted_proxies", "10.0.0.1/8", ["amid", "10"]),
    ("log_level", "loud", ["debug", "info", "warning", "error"]),
    ("log_level", "INFO", ["debug", "info", "warning", "error"]),
]


@pytest.mark.parametrize("origin", ["file", "environment", "flag"])
@pytest.mark.parametrize(("name", "value", "allowed"), IMPOSSIBLE)
def test_a_value_that_cannot_be_is_refused_with_its_name_and_what_may_be(
    name: str, value: str, allowed: list[str], origin: str, folder: Path
) -> None:
    with pytest.raises(Invalid) as refused:
        _load_from(origin, folder, name, value)

    assert refused.value.description.startswith("Settings: ")
    if origin == "environment" and name not in {"trusted_proxies", "token_secret"}:
        assert f"{name} (DIALBOOK_{name.upper()}) is " in refused.value.description
    assert {name, *allowed} <= set(re.findall(r"\w+", refused.value.description))


@pytest.mark.parametrize("written", ["token_secret = 'hunter2'", "token_secret = 4711"])
def test_no_refusal_shows_a_secret(written: str, folder: Path) -> None:
    (folder / "dialbook.toml").write_text(written)

    with pytest.raises(Invalid) as refused:
        load_settings({}, environment={})

    assert "token_secret" in refused.value.description
    assert written.rpartition(" ")[2].strip("'") not in refused.value.description


@pytest.mark.parametrize(("name", "smallest", "largest"), [("port", 0, 65535), ("workers", 1, 64)])
def test_the_bounds_themselves_are_allowed(name: str, smallest: int, largest: int) -> None:
    for value in (smallest, largest):
        assert getattr(load_settings({}, environment={variable(name): str(value)}), name) == value


@pytest.mark.parametrize("written", ["port = true", "port = [80]", "port = 80.5", "port = 2026-01-05", "[port]\na = 1"])
def test_a_value_of_another_type_is_refused(written: str, folder: Path) -> None:
    (folder / "dialbook.toml").write_text(written)

    with pytest.raises(Invalid, match=r"port is .*; allowed is a whole number from 0 to 65535"):
        load_settings({}, environment={})


def test_a_number_is_no_database(folder: Path) -> None:
    (folder / "dialbook.toml").write_text("database = 5")

    with pytest.raises(Invalid, match=r"database is .*; allowed is text"):
        load_settings({}, environment={})


@pytest.mark.parametrize("content", [b"port = ", b"port 8080", b"port = 1\nport = 2", b"host = '\xff'"])
def test_a_file_that_is_not_toml_is_refused_by_its_name(content: bytes, folder: Path) -> None:
    (folder / "my.toml").write_bytes(content)

    with pytest.raises(Invalid, match=r"^Settings: my\.toml is not TOML: "):
        load_settings({}, config=Path("my.toml"), environment={})


@pytest.mark.parametrize("by_variable", [True, False], ids=["DIALBOOK_CONFIG", "--config"])
@pytest.mark.parametrize("name", ["missing.toml", "subfolder"])
def test_a_named_file_that_cannot_be_read_is_refused(name: str, by_variable: bool, folder: Path) -> None:
    (folder / "subfolder").mkdir()

    with pytest.raises(Invalid, match=f"^Settings: {name} cannot be read"):
        _load_named(name, by_variable)


def test_one_that_is_there_and_cannot_be_read_is_refused_with_the_folder_that_it_is_in(folder: Path) -> None:
    (folder / "dialbook.toml").mkdir()

    with pytest.raises(Invalid, match=f"^Settings: {folder}/dialbook.toml cannot be read \\(Is a directory\\)"):
        load_settings({}, environment={})


@pytest.mark.parametrize("content", [None, b"\xff"], ids=["missing", "no text"])
def test_a_file_that_a_variable_names_and_that_cannot_be_read_is_refused(content: bytes | None, folder: Path) -> None:
    if content is not None:
        (folder / "secret").write_bytes(content)

    with pytest.raises(Invalid, match=r"^Settings: DIALBOOK_DATABASE_FILE names secret, which cannot be read"):
        load_settings({}, environment={"DIALBOOK_DATABASE_FILE": "secret"})


def test_a_variable_and_its_file_do_not_contradict_each_other_unnoticed(folder: Path) -> None:
    """The order in which the environment lists them says nothing of what was meant."""
    (folder / "port").write_text("2222")
    both = {"DIALBOOK_PORT": "1111", "DIALBOOK_PORT_FILE": "port"}

    outcomes = [_port_or_refusal(environment) for environment in (both, dict(reversed(both.items())))]

    assert outcomes[0] == outcomes[1]


def test_a_value_is_refused_in_the_words_of_settings() -> None:
    """Whoever reads it set a variable, and knows nothing of paths into JSON or of regular expressions."""
    with pytest.raises(Invalid) as refused:
        load_settings({}, environment={"DIALBOOK_LOG_LEVEL": "loud"})

    assert "$." not in refused.value.description
    assert "regex" not in refused.value.description


def _port_or_refusal(environment: dict[str, str]) -> object:
    try:
        return load_settings({}, environment=environment).port
    except Invalid as refused:
        return refused.description


def _load_named(config: str, by_variable: bool) -> Settings:
    if by_variable:
        return load_settings({}, environment={"DIALBOOK_CONFIG": config})
    return load_settings({}, config=Path(config), environment={})


def _load_from(origin: str, folder: Path, name: str, value: str) -> Settings:
    if origin == "file":
        (folder / "dialbook.toml").write_text(in_toml({name: value}))
        return load_settings({}, environment={})
    if origin == "environment":
        return load_settings({}, environment={variable(name): value})
    return load_settings({name: value}, environment={})
