"""Ed25519 keys (RFC 8032) in the standard PEM forms: PKCS #8 (RFC 5958) for the private, X.509 (RFC 8410) for the public.

`openssl pkey` reads both. The private key is its owner's alone (mode 0600). A key goes by its id, the SHA-256 of its 32
public bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.errors import MissingExtra, UsageError
from edgeenh.files import read_once, write_bytes
from edgeenh.secret_files import create_secret, read_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

EXTRA = "trust"
PUBLIC_SUFFIX = ".pub"

_MAX_PEM_BYTES = 4096


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What checks signatures.

    Attributes:
        raw: Its 32 bytes.
    """

    raw: bytes

    @property
    def id(self) -> str:
        """SHA-256 of the key, hex."""
        return hashlib.sha256(self.raw).hexdigest()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is by this key's private half and over exactly `message`.

        Raises:
            MissingExtra: `cryptography` is not installed.
        """
        _need_cryptography()
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """What signs; the bytes stay inside the library."""

    _key: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature; the same message gives the same bytes."""
        return self._key.sign(message)

    @property
    def public(self) -> PublicKey:
        """Its other half."""
        return PublicKey(self._key.public_key().public_bytes_raw())


def generate(path: Path) -> PublicKey:
    """Make a key pair: the private key at `path` (mode 0600), the public key beside it as `path` + `.pub`.

    Raises:
        UsageError: One of the two exists, or the place cannot be written to; nothing was written.
        OutputFailed: The disk is full.
        MissingExtra: `cryptography` is not installed.
    """
    _need_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public_path = public_of(path)
    if public_path.exists() or public_path.is_symlink():
        raise UsageError(f"{public_path} exists, and a key is never overwritten: choose another name, or move it away")
    key = Ed25519PrivateKey.generate()
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    create_secret(path, private)
    try:
        write_bytes(public_path, public)
    except BaseException:
        path.unlink()  # half a pair is of no use, and would stand in the way of the next try
        raise
    return PublicKey(key.public_key().public_bytes_raw())


def public_of(path: Path) -> Path:
    """Where the public half of the private key at `path` is written."""
    return path.with_name(path.name + PUBLIC_SUFFIX)


def load_private(path: Path) -> PrivateKey:
    """Read a private key.

    Raises:
        UsageError: It is missing, others can read it, or it is no Ed25519 private key without a passphrase.
        MissingExtra: `cryptography` is not installed.
    """
    data = read_secret(path, "private key")
    _need_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key: Any = load_pem_private_key(data, password=None)
    except TypeError as exc:
        raise UsageError(
            f"the private key {path} has a passphrase: take it off with `openssl pkey -in {path}`"
        ) from exc
    except ValueError as exc:
        hint = f"; is it the public key? The private one has no {PUBLIC_SUFFIX}" if b"PUBLIC KEY" in data else ""
        raise UsageError(f"{path} is no private key in PEM form{hint}: make one with `edgeenh keygen`") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} is no Ed25519 key: make one with `edgeenh keygen`")
    return PrivateKey(key)


def load_public(path: Path) -> PublicKey:
    """Read a public key.

    Raises:
        UsageError: It is missing, everybody may change it, or it is no Ed25519 public key.
        MissingExtra: `cryptography` is not installed.
    """
    try:
        data, state = read_once(path, _MAX_PEM_BYTES)
    except FileNotFoundError as exc:
        raise UsageError(f"there is no public key at {path}: give the .pub file that `edgeenh keygen` made") from exc
    except OSError as exc:
        raise UsageError(f"the public key {path} cannot be read ({exc.strerror}): give a file you may read") from exc
    if state.st_mode & 0o002:
        raise UsageError(f"the public key {path} can be changed by everybody, so it proves nothing: chmod 644 {path}")
    return _public_from(data, path)


def _public_from(data: bytes, path: Path) -> PublicKey:
    _need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key: Any = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as exc:
        hint = f"; it is a private key, and its public half ends in {PUBLIC_SUFFIX}" if b"PRIVATE KEY" in data else ""
        raise UsageError(f"{path} is no public key in PEM form{hint}: give the .pub file of `edgeenh keygen`") from exc
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{path} is no Ed25519 public key: give the .pub file of `edgeenh keygen`")
    return PublicKey(key.public_bytes_raw())


def _need_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as exc:
        raise MissingExtra("making or checking a signature", EXTRA) from exc
