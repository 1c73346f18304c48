"""The member `manifest.sig`: an Ed25519 signature over the manifest, which has the digest of every other member.

Three lines of ASCII in exactly one form:

    edgeenh bundle signature 1
    key <SHA-256 of the public key, hex>
    ed25519 <signature, hex>

What is signed is the first line with its line break, then the bytes of `manifest.json`: so the signature can be mistaken
for nothing else. The archive and the manifest each have exactly one form, hence the signature fixes every byte of the
bundle but its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeenh.bundle.archive import REMEDY
from edgeenh.bundle.keys import PrivateKey, PublicKey
from edgeenh.errors import IntegrityError

SIGNATURE = "manifest.sig"

_HEAD = b"edgeenh bundle signature 1\n"
_FORM = re.compile(re.escape(_HEAD) + rb"key ([0-9a-f]{64})\ned25519 ([0-9a-f]{128})\n")


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as it stands in a bundle; who checks it is another matter.

    Attributes:
        key_id: Which key it says it is by.
        value: 64 bytes.
    """

    key_id: str
    value: bytes

    @classmethod
    def from_member(cls, data: bytes | memoryview) -> Signature:
        """Read the member.

        Raises:
            IntegrityError: It is not in the one form.
        """
        found = _FORM.fullmatch(data)
        if found is None:
            raise IntegrityError(f"member {SIGNATURE} is no signature that edgeenh writes: {REMEDY}")
        return cls(found[1].decode(), bytes.fromhex(found[2].decode()))

    def to_member(self) -> bytes:
        """The member's bytes."""
        return _HEAD + f"key {self.key_id}\ned25519 {self.value.hex()}\n".encode()

    def check(self, key: PublicKey, manifest: bytes) -> None:
        """Prove that the owner of `key` signed exactly this manifest.

        Raises:
            IntegrityError: Somebody else did, or another manifest was signed.
            MissingExtra: `cryptography` is not installed.
        """
        if self.key_id != key.id:
            raise IntegrityError(
                f"is signed by the key {self.key_id[:16]}…, expected {key.id[:16]}…: get the bundle from the owner of that key"
            )
        if not key.verifies(self.value, _HEAD + manifest):
            raise IntegrityError(
                f"has a signature that does not fit its manifest; forged, or taken from another bundle: {REMEDY}"
            )


def sign_manifest(key: PrivateKey, manifest: bytes) -> Signature:
    """Sign the bytes of `manifest.json`."""
    return Signature(key.public.id, key.sign(_HEAD + manifest))
