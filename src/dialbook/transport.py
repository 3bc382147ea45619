"""What keeps API tokens from being read on their way: TLS of our own, that of a proxy, or that nobody is in between."""

import ssl
from pathlib import Path
from socket import socket

from dialbook.model.errors import Invalid
from dialbook.model.network import read_address
from dialbook.settings import Settings


def refuse_clear_text(settings: Settings, sock: socket) -> None:
    """Refuse to speak HTTP where other machines can reach us, unless the operator has said so.

    Basic authentication sends the token with each request, as it is (RFC 7617, section 4).

    Args:
        settings: what the operator has said.
        sock: where the server would listen.

    Raises:
        Invalid: the operator has not.
    """
    is_told = settings.tls_certificate or settings.trusted_proxies or settings.insecure_http
    if not is_told and not read_address(sock.getsockname()[0]).is_loopback:
        where = settings.host or "every address"
        raise Invalid(
            f"At {where} other machines reach this server, and whoever is in between could read API tokens. "
            "Put a proxy with TLS before it and name that in trusted_proxies; or give it a tls_certificate; or set "
            "insecure_http, if that is what you want."
        )


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """What TLS connections are made with, by Python's choice of ciphers, from TLS 1.2 on (OWASP ASVS 5.0, 12.1.1).

    Args:
        certificate: the file with the certificate, and those that lead to its root.
        key: the file with its private key; empty where it is in the same one.

    Raises:
        Invalid: one of them cannot be read, is not what it has to be, or they do not belong together.
    """
    _refuse_unusable(certificate, key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key or None, password="")
    except ssl.SSLError as trouble:
        reason = (trouble.reason or "one of them is damaged").lower().replace("_", " ")
        raise Invalid(f"tls_certificate {certificate} and its key cannot be used: {reason}.") from None
    return context


def _refuse_unusable(certificate: str, key: str) -> None:
    """Refuse what can be told by looking; of all of it OpenSSL says the same."""
    if not certificate:
        raise Invalid("tls_key is the key of a tls_certificate, which is not given.")
    name, path = ("tls_key", key) if key else ("tls_certificate", certificate)
    if "CERTIFICATE-----" not in _text_of("tls_certificate", certificate):
        raise Invalid(f"tls_certificate {certificate} has no certificate in PEM.")
    if "PRIVATE KEY-----" not in (text := _text_of(name, path)):
        raise Invalid(f"{name} {path} has no private key in PEM.")
    if "ENCRYPTED" in text:
        raise Invalid(f"{name} {path} has a key with a password, and there is nobody to ask for it.")


def _text_of(name: str, path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError as trouble:
        raise Invalid(f"{name} {path} cannot be read: {trouble.strerror}.") from None
