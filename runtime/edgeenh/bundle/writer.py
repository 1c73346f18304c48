"""Writing a bundle: the same members give the same bytes, and nothing is written that the reader would refuse."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

from edgeenh.bundle.archive import pack
from edgeenh.bundle.canonical import MANIFEST
from edgeenh.bundle.manifest import Manifest, MemberFile
from edgeenh.bundle.reader import Bundle
from edgeenh.files import alone_in, write_bytes


def write_bundle(path: Path, manifest: Manifest, members: Mapping[str, bytes]) -> Bundle:
    """Write a bundle and return it opened.

    The content is checked by the reader before the file takes its place, so `path` is afterwards a good bundle or what
    it was before.

    Args:
        path: Where to, usually `*.edgeenh`; its folder is made.
        manifest: The manifest; its `files` are replaced by the lengths and digests of `members`.
        members: Every member except the manifest, by name; their order does not matter.

    Raises:
        IntegrityError: The manifest does not fit its schema or the members, or a member's name is not allowed.
        UsageError: The place may not be written to.
        OutputFailed: The disk is full.
    """
    files = {
        name: MemberFile(hashlib.sha256(members[name]).hexdigest(), len(members[name])) for name in sorted(members)
    }
    complete = dataclasses.replace(manifest, files=files)
    data = pack({MANIFEST: complete.to_json(), **{name: members[name] for name in files}})
    bundle = Bundle.from_bytes(data, path)
    with alone_in(path.parent):
        write_bytes(path, data)
    return bundle
