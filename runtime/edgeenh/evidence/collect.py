"""What goes into a pack, and what was asked for and is not there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh import __version__
from edgeenh.bundle.archive import unpack
from edgeenh.errors import UsageError
from edgeenh.evidence.software import bill, components, soup

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle

RESULTS = (".json", ".jsonl", ".md", ".csv", ".html", ".txt", ".xml")
KINDS = {"latency": ("latency",), "soak": ("soak",), "fault": ("fault", "kills"), "quality": ("quality",)}
"""What results are about, as the names of their files say: one of the words in it."""

MOST_RESULT_BYTES = 32_000_000

TEXTS = ("assurance-case.md", "threat-model.md")


class Collection:
    """Members of a pack as they are found.

    Attributes:
        members: Content by name.
        missing: What was not given or found, by the name that the texts use, and why.
        wrong: Members that are here and speak against what they stand for, and why.
    """

    def __init__(self, created: str) -> None:
        self.created = created
        self.members: dict[str, bytes] = {}
        self.missing: dict[str, str] = {}
        self.wrong: dict[str, str] = {}

    def software(self) -> None:
        """Bill of materials, SOUP list, and the fingerprint of this computer."""
        from edgeenh.environment import fingerprint

        found = components()
        self._json("software/sbom.cdx.json", bill(found, __version__, self.created))
        self.members["software/soup.md"] = soup(found).encode()
        self._json("software/environment.json", fingerprint())

    def bundle(self, bundle: Bundle, *, key_checked: bool) -> None:
        """Manifest, drift table, model card and signature of a bundle that was opened, and so checked."""
        manifest = bundle.manifest
        content = unpack(bytes(bundle.data))
        self.members["bundle/manifest.json"] = bytes(content["manifest.json"])
        for name in ("drift.json", "MODEL_CARD.md", "manifest.sig"):
            if name in content:
                self.members[f"bundle/{name}"] = bytes(content[name])
            else:
                self.missing[f"bundle/{name}"] = "the bundle has no such member"
        signature = bundle.signature
        self._json(
            "bundle/verification.json",
            {
                "id": manifest.id, "version": manifest.version, "sha256": bundle.sha256,
                "every_member_as_listed": True, "signed_by": signature.key_id if signature else None,
                "signature_checked_against_a_key": key_checked,
            },
        )  # fmt: skip

    def results(self, folders: Sequence[Path]) -> None:
        """Tables of gate and quality, and results of bench, soak and faults, as the files that the runs wrote.

        Raises:
            UsageError: A folder or file is not there.
        """
        for given in folders:
            if not given.exists():
                raise UsageError(f"--results {given} does not exist: give a folder or a file of results")
            found = sorted(path for path in given.rglob("*") if path.is_file()) if given.is_dir() else [given]
            base = given if given.is_dir() else given.parent
            for path in found:
                self._result(path, path.relative_to(base))
        for kind in KINDS:
            if not any(self._is_result(name, kind) for name in self.members):
                words = " or ".join(KINDS[kind])
                self.missing[f"results: {kind}"] = f"no file of --results has {words} in its name"

    @staticmethod
    def _is_result(name: str, kind: str) -> bool:
        return name.startswith("results/") and any(word in name for word in KINDS.get(kind, (kind,)))

    def _result(self, path: Path, relative: Path) -> None:
        name = "results/" + "/".join(_safe(part) for part in relative.parts)
        if path.suffix not in RESULTS or path.is_symlink():
            self.missing[name] = "not a kind of file that results are"
        elif path.stat().st_size > MOST_RESULT_BYTES:
            self.missing[name] = f"larger than {MOST_RESULT_BYTES:,} bytes"
        elif name in self.members:
            self.missing[f"{name} ({path})"] = "another file of --results has this name"
        else:
            self.members[name] = path.read_bytes()

    def configuration(self, path: Path | None) -> None:
        """The station's file, and as it is understood; without the passwords in URLs, or not at all.

        Raises:
            UsageError: It is no station's file.
        """
        if path is None:
            self.missing["configuration"] = "no --config was given"
            return
        from edgeenh.config import read_config
        from edgeenh.config.shown import resolved

        config = read_config(path)
        texts = {"station.toml": path.read_text("utf-8"), "understood.toml": resolved(config)}
        for name, text in texts.items():
            told = _without_passwords(text)
            if told is None:
                self.missing[f"configuration/{name}"] = "a password in it could not be taken out: write URLs plainly"
            else:
                self.members[f"configuration/{name}"] = told.encode()

    def events(self, path: Path | None) -> None:
        """The hash-chained journal, and whether its chain holds.

        Raises:
            UsageError: There is no such file.
        """
        if path is None:
            self.missing["events"] = "no --events was given"
            return
        from edgeenh.evidence.events import VERIFICATION, verification
        from edgeenh.monitoring.chain import read_journal

        if not path.is_file():
            raise UsageError(f"--events {path} does not exist: give the file that [monitoring] events names")
        files = {f"events/{_safe(name)}": content for name, content in read_journal(path).items()}
        self.members |= files
        document = verification(files)
        self._json(VERIFICATION, document)
        if document["problem"]:
            self.wrong[VERIFICATION] = f"the chain of events does not hold: {document['problem']}"

    def texts(self) -> None:
        """Assurance case and threat model, each piece of evidence marked as here or missing; last, when all is known."""
        folder = files("edgeenh.evidence").joinpath("texts")
        for name in TEXTS:
            text = folder.joinpath(name).read_text("utf-8")
            self.members[name] = re.sub(r"\{([^{}]+)\}", lambda found: self._mark(found[1]), text).encode()

    def _mark(self, wanted: str) -> str:
        """`{name}` in a text: that the member is there, not there or wrong; `{results: soak}` for any result of that kind."""
        kind = wanted.removeprefix("results: ")
        found = [name for name in self.members if name == wanted or (kind != wanted and self._is_result(name, kind))]
        if wanted in self.wrong:
            return f"`{wanted}` (**{self.wrong[wanted]}**)"
        return f"`{wanted}`" if found else f"`{wanted}` (**not in this pack**)"

    def _json(self, name: str, document: Any) -> None:
        self.members[name] = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=str).encode()


def _safe(part: str) -> str:
    """A file's name as a member may have it."""
    made = re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip(".-")
    return made or "file"


_PASSWORD = re.compile(r"(://[^\s/:@\"']*):[^\s/]*@")


def _without_passwords(text: str) -> str | None:
    """A station's file with `***` for the passwords in its URLs; None when one is still there, e.g. behind an escape."""
    from edgeenh.sources.network import without_password

    told = _PASSWORD.sub(r"\1:***@", text)
    try:
        values = list(_texts(tomllib.loads(told)))
    except tomllib.TOMLDecodeError:
        return None
    return told if all(without_password(text) == text == _PASSWORD.sub(r"\1:***@", text) for text in values) else None


def _texts(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
