"""The credentials of a key: how they are made, what a text must look like to be one, and what is kept of a token."""

import hmac
import re
import secrets
from functools import lru_cache
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase, digits
from zlib import crc32

LETTERS = digits + ascii_uppercase + ascii_lowercase
CHANCE, CHECK = 43, 6  # letters of a token: 256 random bits, and 32 by which a mistyped or made-up one is known

TOKEN = r"dbk_[0-9A-Za-z]{49}"  # noqa: S105  # what programs that look for leaked secrets look for
MASK = "dbk_***"

_KEY = re.compile(r"[0-9a-f]{32}")
_TOKEN = re.compile(TOKEN)
_OLD_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # as they were made up to version 0.1
_DIGEST = 64  # hex digits of SHA-256


def new_key() -> str:
    """The public half of a credential: 32 hex digits."""
    return secrets.token_hex(16)


def new_token() -> str:
    """The secret half: `dbk_`, 256 random bits, and their checksum, safe to write into a URL."""
    chance = "".join(secrets.choice(LETTERS) for _ in range(CHANCE))
    return f"dbk_{chance}{_checksum(chance)}"


def new_session_token() -> str:
    """What a browser keeps that is signed in, or a link that signs in once: 256 random bits."""
    return secrets.token_urlsafe(32)


def may_be_credentials(key: str, token: str) -> bool:
    """Whether two texts look like a key and a token, of which the token's checksum is right."""
    return _KEY.fullmatch(key) is not None and _may_be_token(token)


def token_in(text: str) -> str | None:
    """The first token in a text, as they are made now, or the text itself where it is one of before."""
    candidates = [*_TOKEN.findall(text), text.strip()]
    return next(filter(_may_be_token, candidates), None)


def hash_token(token: str, secret: str) -> str:
    """What is kept of a token: its SHA-256, which is enough for 256 random bits (OWASP ASVS 5.0, 6.5.2); sealed where
    the operator has set a secret.
    """
    return seal(sha256(token.encode()).hexdigest(), secret)


def seal(plain: str, secret: str) -> str:
    """The HMAC-SHA-256 of a plain hash, with the secret's mark before it; the plain hash where there is no secret."""
    return f"{mark_of(secret)}{_hmac(secret, plain)}" if secret else plain


@lru_cache(maxsize=16)
def mark_of(secret: str) -> str:
    """What each hash that is sealed with a secret begins with: it names the secret, and tells nothing of it."""
    return f"hmac-{_hmac(secret, 'the name of this secret')[:8]}:" if secret else ""


def mark_in(token_hash: str) -> str:
    """The mark of the secret that a hash is sealed with; empty for a plain one."""
    return token_hash[:-_DIGEST]


def is_same_hash(first: str, second: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(first, second)


def mask_tokens(text: str) -> str:
    """The text without any token in it, to be shown or logged."""
    return _TOKEN.sub(MASK, text) if "dbk_" in text else text


def _may_be_token(text: str) -> bool:
    if _TOKEN.fullmatch(text):
        chance, check = text[4:-CHECK], text[-CHECK:]
        return check == _checksum(chance)
    return _OLD_TOKEN.fullmatch(text) is not None


def _checksum(chance: str) -> str:
    """The CRC-32 in base 62, the most significant digit first."""
    rest, written = crc32(chance.encode()), ""
    for _ in range(CHECK):
        rest, digit = divmod(rest, len(LETTERS))
        written = LETTERS[digit] + written
    return written


def _hmac(secret: str, text: str) -> str:
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()
