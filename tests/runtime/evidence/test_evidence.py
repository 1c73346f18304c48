"""The evidence pack: what is in it, and that no change of it passes."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.bundle.keys import generate, load_private, load_public
from edgeenh.cli import main
from edgeenh.errors import IntegrityError, UsageError
from edgeenh.evidence.pack import read_pack, write_pack
from edgeenh.evidence.software import NOT_USED, PURPOSES, bill, components, normal, soup
from edgeenh.monitoring.journal import EventJournal

pytest.importorskip("cryptography", reason="the extra trust is not installed")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "station.key"
    generate(path)
    return path


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Path:
    folder = tmp_path_factory.mktemp("station")
    (folder / "results").mkdir()
    (folder / "results" / "2026 soak!.json").write_text('{"frames": 7}')
    (folder / "results" / "picture.png").write_bytes(b"x")
    (folder / "station.toml").write_text(
        '[[source]]\nspec = "synthetic:64x48@5"\n[[source]]\nspec = "rtsp://me:geheim@camera/1"\n'
    )
    journal = EventJournal(folder / "events.jsonl", sync=False)
    journal.add("kind", "detail")
    journal.close(30)
    out = folder / "pack.zip"
    words = ["evidence", "--out", str(out), "--key", str(keys), "--results", str(folder / "results")]
    words += ["--config", str(folder / "station.toml"), "--events", str(folder / "events.jsonl")]
    assert main(words) == 0
    return out


def test_a_pack_has_what_was_found_and_lists_what_was_not(pack: Path, keys: Path) -> None:
    found = read_pack(pack, load_public(keys.with_name("station.key.pub")))
    assert found.checked
    names = set(found.members)
    assert names >= {
        "software/sbom.cdx.json", "software/soup.md", "software/environment.json", "bundle/manifest.json",
        "bundle/verification.json", "results/2026-soak-.json", "configuration/station.toml",
        "configuration/understood.toml", "events/events.jsonl", "events/verification.json", "assurance-case.md", "threat-model.md",
    }  # fmt: skip
    assert json.loads(found.members["events/verification.json"])["holds"]
    assert "results/picture.png" in found.index["missing"]
    assert "results: quality" in found.index["missing"]
    for name in ("station.toml", "understood.toml"):
        assert b"geheim" not in found.members[f"configuration/{name}"]
        assert b"camera/1" in found.members[f"configuration/{name}"]
    case = found.members["assurance-case.md"].decode()
    assert "{" not in case
    assert "`bundle/manifest.sig` (**not in this pack**)" in case
    assert "`software/sbom.cdx.json`" in case


def test_verify_tells_who_signed(pack: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "verify", str(pack), "--public-key", f"{keys}.pub"]) == 0
    assert "signed by the key" in capsys.readouterr().out
    assert main(["evidence", "verify", str(pack)]) == 0
    assert "not forgery" in capsys.readouterr().err


def test_no_word_claims_conformity(pack: Path) -> None:
    texts = " ".join(
        data.decode()
        for name, data in read_pack(pack, None).members.items()
        if name.endswith("case.md") or name == "threat-model.md"
    )
    for word in ("compliant", "certified", "conforms to", "approved by"):
        assert word not in texts.lower()


def rezip(source: Path, target: Path, change: Any) -> Path:
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update({"bundle/manifest.json": m["bundle/manifest.json"] + b" "}),
        lambda m: m.pop("threat-model.md"),
        lambda m: m.update({"more.md": b"x"}),
        lambda m: m.update({"../evil.md": b"x"}),
        lambda m: m.pop("evidence.json"),
        lambda m: m.pop("evidence.sig"),
        lambda m: m.update({"evidence.sig": b"none"}),
        lambda m: m.update({"evidence.json": b"[]"}),
        lambda m: m.update({"evidence.json": m["evidence.json"].replace(b'"created"', b'"Created"')}),
    ],
)
def test_a_changed_pack_is_refused(pack: Path, keys: Path, tmp_path: Path, change: Any) -> None:
    changed = rezip(pack, tmp_path / "changed.zip", change)
    with pytest.raises(IntegrityError):
        read_pack(changed, load_public(keys.with_name("station.key.pub")))
    assert main(["evidence", "verify", str(changed), "--public-key", f"{keys}.pub"]) == 4


def test_the_signature_of_another_is_refused(pack: Path, tmp_path: Path) -> None:
    other = generate(tmp_path / "other.key")
    with pytest.raises(IntegrityError, match="expected"):
        read_pack(pack, other)


@given(place=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_no_flipped_bit_changes_what_is_read(pack: Path, keys: Path, place: float, bit: int) -> None:
    data = bytearray(pack.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    flipped = pack.with_name("flipped.zip")
    flipped.write_bytes(data)
    key = load_public(keys.with_name("station.key.pub"))
    try:
        found = read_pack(flipped, key)
    except IntegrityError:
        return
    assert found.members == read_pack(pack, key).members  # e.g. a date in the archive, which nothing is read from


def lzma(source: Path, target: Path) -> Path:
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as made:
        for name in archive.namelist():
            made.writestr(name, archive.read(name))
    data = bytearray(target.read_bytes())
    data[60:90] = bytes(30)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize(
    "make",
    [
        lzma,
        lambda source, target: rezip(
            source, target, lambda m: m.update({"evidence.json": _unsaid(m["evidence.json"])})
        ),
    ],
)
def test_a_forged_pack_without_a_key_is_refused_in_one_line(
    make: Any, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "verify", str(make(pack, tmp_path / "forged.zip"))]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1


def _unsaid(index: bytes) -> bytes:
    return json.dumps({**json.loads(index), "missing": "nothing"}).encode()


CHANGES: dict[str, Any] = {
    "changed": lambda lines: [lines[0], lines[1].replace(b"detail", b"Detail"), *lines[2:]],
    "taken out": lambda lines: [lines[0], *lines[2:]],
    "no event": lambda lines: [*lines[:-1], b"[" * 100_000, b"x", b""],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_events_that_were_rewritten_are_told_when_the_pack_is_made_and_refused_when_it_is_verified(
    change: Any, tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "events.jsonl", tmp_path / "pack.zip"
    journal = EventJournal(path, sync=False)
    journal.add("kind", "detail")
    journal.close(30)
    path.write_bytes(b"\n".join(change(path.read_bytes().split(b"\n"))))
    assert main(["evidence", "--out", str(out), "--key", str(keys), "--events", str(path)]) == 0
    assert "the chain of events does not hold" in capsys.readouterr().err
    case = read_pack(out, None).members["assurance-case.md"].decode()
    assert "`events/verification.json` (**the chain of events does not hold" in case
    assert (
        main(["evidence", "verify", str(out), "--public-key", f"{keys}.pub", "--json", str(tmp_path / "v.json")]) == 4
    )
    assert "no unbroken history" in capsys.readouterr().err
    assert json.loads((tmp_path / "v.json").read_text())["events_problem"]


def test_a_pack_that_says_of_its_events_what_they_are_not_is_refused(pack: Path, keys: Path, tmp_path: Path) -> None:
    found = read_pack(pack, None)
    events = found.members["events/events.jsonl"].split(b"\n")
    members = {**found.members, "events/events.jsonl": b"\n".join([events[0], *events[2:]])}
    write_pack(tmp_path / "lies.zip", members, {}, load_private(keys))
    assert main(["evidence", "verify", str(tmp_path / "lies.zip"), "--public-key", f"{keys}.pub"]) == 4
    shorter = {**found.members, "events/events.jsonl": b"\n".join([*events[:2], b""])}
    write_pack(tmp_path / "cut.zip", shorter, {}, load_private(keys))
    assert main(["evidence", "verify", str(tmp_path / "cut.zip"), "--public-key", f"{keys}.pub"]) == 4


def test_a_journal_of_several_files_is_checked_oldest_first(tmp_path: Path, keys: Path) -> None:
    path, out = tmp_path / "events.jsonl", tmp_path / "pack.zip"
    journal = EventJournal(path, sync=False, max_bytes=400, files=20)
    for _ in range(12):
        journal.add("kind", "detail " * 20)
    journal.close(30)
    assert (tmp_path / "events.jsonl.10").exists()
    assert main(["evidence", "--out", str(out), "--key", str(keys), "--events", str(path)]) == 0
    assert json.loads(read_pack(out, None).members["events/verification.json"])["anchored"]
    assert main(["evidence", "verify", str(out), "--public-key", f"{keys}.pub"]) == 0


@pytest.mark.parametrize(
    ("spec", "left_out"),
    [
        ('"rtsp://me:geh\\u0065im@camera/1"', False),
        ("""'rtsp://me:geheim"x\\y@camera/1'""", False),
        ('"rtsp://me:geheim@more@camera/1"', False),
        ('"rtsp://me:geheim\\u0040camera/1"', True),
        ('"rtsp://me:ge heim@camera/1"', True),
    ],
)
def test_no_password_of_a_url_gets_into_a_pack_however_it_is_written(
    spec: str, *, left_out: bool, tmp_path: Path
) -> None:
    (tmp_path / "station.toml").write_text(f"# formerly rtsp://me:geheim@camera/0\n[[source]]\nspec = {spec}\n")
    out = tmp_path / "pack.zip"
    assert main(["evidence", "--out", str(out), "--config", str(tmp_path / "station.toml")]) == 0
    found = read_pack(out, None)
    text = b"".join(content for name, content in found.members.items() if name.startswith("configuration/"))
    assert b"heim" not in text
    assert b"\\u0065im" not in text
    assert ("configuration/station.toml" in found.missing) == left_out
    assert left_out or b"me:***@camera/1" in text


@pytest.mark.parametrize("name", ["faults.json", "2026-11-29-worker-kills.json"])
def test_kills_are_results_of_faults(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    out = tmp_path / "pack.zip"
    assert main(["evidence", "--out", str(out), "--results", str(tmp_path / name)]) == 0
    found = read_pack(out, None)
    assert "results: fault" not in found.missing
    assert "`results: fault` (**" not in found.members["assurance-case.md"].decode()


@pytest.mark.parametrize(
    "words", [[], ["--out", "/proc/x/pack.zip"], ["--out", "p.zip", "--results", "missing"], ["--out", "p.zip", "--config", "missing"],
              ["--out", "p.zip", "--events", "missing"], ["--out", "p.zip", "--key", "missing"]]
)  # fmt: skip
def test_bad_usage_writes_nothing(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["evidence", *words]) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_same_members_make_the_same_pack(tmp_path: Path, keys: Path) -> None:
    signer = load_private(keys)
    for name in ("a", "b"):
        write_pack(tmp_path / name, {"x": b"1", "y/z": b"2"}, {"created": "now"}, signer)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with pytest.raises(UsageError):
        write_pack(tmp_path / "c", {"../x": b""}, {}, None)


def test_the_bill_of_materials_names_this_environment() -> None:
    found = components()
    document = bill(found, "1", "2026-01-01T00:00:00Z")
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    references = [one["bom-ref"] for one in document["components"]]
    assert len(set(references)) == len(references)
    assert {"numpy", "typer"} <= {one["name"] for one in document["components"]}
    known = {*references, "edgeenh"}
    for one in document["dependencies"]:
        assert {one["ref"], *one["dependsOn"]} <= known
    assert "| numpy |" in soup(found)


class Stated(Distribution):
    def __init__(self, name: str, *requires: str, licence: str | None = None) -> None:
        self._metadata = Message()
        self._metadata["Name"], self._metadata["Version"] = name, "1.0"
        if licence:
            self._metadata["License-Expression"] = licence
        for line in requires:
            self._metadata["Requires-Dist"] = line

    @property
    def metadata(self) -> Any:
        return self._metadata

    @property
    def requires(self) -> list[str] | None:
        return self._metadata.get_all("Requires-Dist")

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: Any) -> Any:
        return path


WORKSHOPS = {"train", "export", "bench", "docs", "peers", "fuzz", "dev", "cluster", "autocast"}
"""Extras that no station has."""


def test_every_dependency_of_a_station_has_a_purpose() -> None:
    """One that is not named there would be listed as not required by edgeenh."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for name in extras if name not in WORKSHOPS for line in extras[name])]
    names = {normal(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in lines}
    assert names >= {"numpy", "pydicom", "fastapi"}
    assert names - set(PURPOSES) == set()


def test_purposes_follow_the_requirements() -> None:
    installed = [Stated("edgeenh", "numpy>=1", "Fast.API; extra == 'station'", "fastapi>=0"), Stated("fastapi", "starlette>=0", "x; extra=='all'"),
                 Stated("numpy", licence="BSD-3-Clause"), Stated("starlette"), Stated("x")]  # fmt: skip
    found = {one.name: one for one in components(installed)}
    assert found["numpy"].licence == "BSD-3-Clause"
    assert found["starlette"].purpose == "needed by fastapi"
    assert found["starlette"].licence == "not stated"
    assert found["x"].purpose == NOT_USED
