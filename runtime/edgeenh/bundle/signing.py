"""Signing a bundle that is there: one member more, every other byte as it was."""

from __future__ import annotations

from pathlib import Path

from edgeenh.bundle.archive import pack, unpack
from edgeenh.bundle.canonical import MANIFEST
from edgeenh.bundle.keys import PrivateKey
from edgeenh.bundle.reader import Bundle, read_bundle_file
from edgeenh.bundle.signature import SIGNATURE, sign_manifest
from edgeenh.bundle.trust import Trust
from edgeenh.files import alone_in, write_bytes


def sign_bundle(path: Path, key: PrivateKey) -> Bundle:
    """Add the member `manifest.sig` to the bundle at `path`, or replace the one it has; returns it opened.

    The bundle is checked before it is signed, and again before it takes its place. On any error the file is as it was.

    Raises:
        InputError: There is no such file, or its folder may not be written to.
        IntegrityError: It is not exactly what its manifest says.
        OutputFailed: The disk is full.
    """
    with alone_in(path.parent):  # an export that ends meanwhile must not be replaced by the bundle before it
        data = read_bundle_file(path)
        Bundle.from_bytes(data, path)
        members = {name: bytes(view) for name, view in unpack(data).items()}
        members[SIGNATURE] = sign_manifest(key, members[MANIFEST]).to_member()
        signed = pack(members)
        bundle = Bundle.from_bytes(signed, path, Trust(key.public))
        write_bytes(path, signed)
    return bundle
