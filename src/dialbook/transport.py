"""What keeps API tokens from being read on their way: TLS of our own, that of a proxy, or that nobody is in between."""

import ssl
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
        raise Invalid(
            f"At {settings.host} other machines reach this server, and whoever is in between could read API tokens. "
            "Put a proxy with TLS before it and name that in trusted_proxies; or give it a tls_certificate; or set "
            "insecure_http, if that is what you want."
        )


def tls_context(certificate: str, key: str, *_: object) -> ssl.SSLContext:
    """What TLS connections are made with, by Python's choice of ciphers, from TLS 1.2 on (OWASP ASVS 5.0, 12.1.1).

    Args:
        certificate: the file with the certificate, and those that lead to its root.
        key: the file with its private key; empty where it is in the same one.
        _: what uvicorn hands to each maker of a context.

    Raises:
        Invalid: one of them cannot be read, or they do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key with a password is refused, since there is nobody to ask for it.
        context.load_cert_chain(certificate, key or None, password="")
    except OSError as trouble:  # ssl.SSLError is one
        reason = trouble.reason if isinstance(trouble, ssl.SSLError) else trouble.strerror
        raise Invalid(f"tls_certificate and tls_key cannot be used: {reason}.") from None
    return context
