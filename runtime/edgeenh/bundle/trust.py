"""What a station demands of a bundle beyond being intact: a signature by its key, and no version below its floor.

No date takes part in any decision, so a clock that is set back changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeenh.bundle.keys import PublicKey, load_public
from edgeenh.bundle.signature import Signature
from edgeenh.errors import IntegrityError, UsageError
from edgeenh.files import alone_in, read_once, write_text

MAX_VERSION = (1 << 31) - 1

_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MAX_FLOOR_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """The demands of a station.

    Attributes:
        key: Who must have signed; None = nobody, a signature is then only shown.
        floor: The lowest version of any model; or model id → its lowest version, and no other model is accepted; None =
            every version.
    """

    key: PublicKey | None = None
    floor: int | Mapping[str, int] | None = None

    @classmethod
    def of(cls, public_key: str | Path | None, floor: int | str | Path | None) -> Trust:
        """The demands in files: a public key in PEM form, and a floor as a number or as a file (see `read_floor`).

        Raises:
            UsageError: A file is missing or not what it must be.
            MissingExtra: A key is given and `cryptography` is not installed.
        """
        key = None if public_key is None else load_public(Path(public_key))
        if isinstance(floor, str | Path):
            return cls(key, read_floor(Path(floor)))
        return cls(key, None if floor is None else _check_version(floor, "the floor"))

    def check_signature(self, manifest: bytes, signature: Signature | None) -> None:
        """Prove the signature, where one is demanded.

        Raises:
            IntegrityError: It is missing, by another key, or over another manifest.
        """
        if self.key is None:
            return
        if signature is None:
            raise IntegrityError(
                f"is not signed, expected a signature by the key {self.key.id[:16]}…: "
                "get the signed bundle, or sign it where the private key is (`edgeenh sign`)"
            )
        signature.check(self.key, manifest)

    def check_version(self, model: str, version: int) -> None:
        """Refuse a bundle that is older than the station has seen.

        Raises:
            IntegrityError: The version is below the floor, or the floor does not name the model.
        """
        if self.floor is None:
            return
        lowest = self.floor if isinstance(self.floor, int) else self.floor.get(model)
        if lowest is None:
            assert not isinstance(self.floor, int)
            known = ", ".join(sorted(self.floor)) or "none"
            raise IntegrityError(f"is the model {model}, expected one that the station's floor names ({known})")
        if version < lowest:
            raise IntegrityError(
                f"is {model} version {version}, expected at least {lowest}, the station's floor: give a newer bundle"
            )


NO_DEMANDS = Trust()


def read_floor(path: Path) -> dict[str, int]:
    """Read a floor file: a JSON object, model id → lowest version, e.g. `{"dental-n": 2}`.

    Raises:
        UsageError: It is missing, everybody may change it, or it is not such an object.
    """
    try:
        data, state = read_once(path, _MAX_FLOOR_BYTES)
    except FileNotFoundError as exc:
        raise UsageError(
            f"there is no floor file {path}: give a number or a file, or make one with --raise-floor"
        ) from exc
    except OSError as exc:
        raise UsageError(f"the floor file {path} cannot be read ({exc.strerror}): give a file you may read") from exc
    if state.st_mode & 0o002:
        raise UsageError(
            f"the floor file {path} can be changed by everybody, so it holds nothing back: chmod 644 {path}"
        )
    try:
        entries = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f'the floor file {path} is no JSON ({exc}): write e.g. {{"dental-n": 2}}') from exc
    if not isinstance(entries, dict) or not all(_MODEL_ID.fullmatch(name) for name in entries):
        raise UsageError(f'the floor file {path} is no object of model ids: write e.g. {{"dental-n": 2}}')
    return {name: _check_version(version, f"{name} in the floor file {path}") for name, version in entries.items()}


def raise_floor(path: Path, model: str, version: int) -> bool:
    """Write into the floor file that `model` must not be older than `version` from now on; True when it changed.

    The file is made where there is none; it never goes down.

    Raises:
        InputError: The file is not what it must be, or cannot be written.
        OutputFailed: The disk is full; the old file is as it was.
    """
    with alone_in(path.parent):
        floor = read_floor(path) if path.exists() else {}
        if floor.get(model, 0) >= version:
            return False
        write_text(path, json.dumps({**floor, model: version}, indent=2, sort_keys=True) + "\n")
    return True


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name comes twice")
    return dict(pairs)


def _check_version(version: object, what: str) -> int:
    if isinstance(version, bool) or not isinstance(version, int) or not 0 <= version <= MAX_VERSION:
        raise UsageError(f"{what} is {ascii(version)[:40]}, expected a whole number from 0 to {MAX_VERSION}")
    return version
