"""Keys, signatures and floors: through the commands, and as a program uses them."""

import errno
import json
import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import edgeenh
from edgeenh.bundle import Bundle, sign_bundle, write_bundle
from edgeenh.bundle.archive import pack, unpack
from edgeenh.bundle.keys import generate, load_private, load_public
from edgeenh.bundle.trust import raise_floor, read_floor
from edgeenh.cli import main
from edgeenh.errors import IntegrityError, MissingExtra, OutputFailed

pytest.importorskip("cryptography", reason="needs the extra trust")


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Two private keys: the release's, and somebody else's."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("release", "other"):
        generate(folder / name)
    return folder


@pytest.fixture
def release(keys):
    return load_private(keys / "release")


@pytest.fixture
def signed(bundle, release):
    return sign_bundle(bundle.path, release)


def _members(path):
    return {name: bytes(view) for name, view in unpack(path.read_bytes()).items()}


def _one_line(capsys):
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1, captured.err
    return captured.err


def test_keygen_makes_a_pair_that_openssl_reads_and_overwrites_nothing(tmp_path, capsys):
    key = tmp_path / "r.key"
    assert main(["keygen", str(key), "--json", str(tmp_path / "k.json")]) == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    document = json.loads((tmp_path / "k.json").read_text())
    assert document["key_id"] == load_public(tmp_path / "r.key.pub").id == load_private(key).public.id
    before = key.read_bytes()
    capsys.readouterr()
    assert main(["keygen", str(key)]) == 2
    (tmp_path / "r.key.pub").unlink()
    assert main(["keygen", str(key)]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert key.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k.json", "r.key"]


def test_signing_adds_one_member_and_changes_nothing_else(bundle, keys, capsys):
    before = _members(bundle.path)
    assert main(["sign", str(bundle.path), "--key", str(keys / "release")]) == 0
    after = _members(bundle.path)
    assert list(after)[-1] == "manifest.sig"
    assert after | {"manifest.sig": b""} == before | {"manifest.sig": b""}
    once = bundle.path.read_bytes()
    assert main(["sign", str(bundle.path), "--key", str(keys / "release")]) == 0
    assert bundle.path.read_bytes() == once, "the same key gives the same bytes"
    assert main(["sign", str(bundle.path), "--key", str(keys / "other")]) == 0
    assert main(["verify", str(bundle.path), "--public-key", str(keys / "other.pub")]) == 0
    assert "signed by the key" in capsys.readouterr().out


def test_a_signed_bundle_opens_with_its_key_and_without(signed, keys):
    opened = Bundle.open(signed.path, public_key=keys / "release.pub")
    assert opened.trusted
    assert opened.members == signed.members
    assert not Bundle.open(signed.path).trusted
    assert Bundle.open(signed.path).signature == opened.signature


COMMANDS = (
    ["verify", "BUNDLE"],
    ["inspect", "BUNDLE"],
    ["enhance", "PICTURE", "--out", "OUT", "--model", "BUNDLE"],
    ["run", "synthetic:64x48@30", "--frames", "2", "--model", "BUNDLE"],
    ["bench", "--frames", "1", "--model", "BUNDLE"],
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_every_command_refuses_an_unsigned_bundle_where_a_key_is_demanded(words, bundle, keys, tmp_path, capsys):
    (tmp_path / "p.png").write_bytes(bundle.read("golden/tooth.png"))
    names = {"BUNDLE": bundle.path, "PICTURE": tmp_path / "p.png", "OUT": tmp_path / "out"}
    command = [str(names.get(word, word)) for word in words]
    assert main([*command, "--public-key", str(keys / "release.pub")]) == 4
    assert "is not signed, expected a signature by the key" in _one_line(capsys)
    assert main([*command, "--floor", "2"]) == 4
    assert "version 1, expected at least 2" in _one_line(capsys)


def test_a_key_in_the_environment_counts_for_the_shipped_bundle_too(keys, monkeypatch, capsys):
    monkeypatch.setenv("EDGEENH_PUBLIC_KEY", str(keys / "release.pub"))
    assert main(["verify"]) == 4
    assert "is not signed" in capsys.readouterr().err
    with pytest.raises(IntegrityError, match="is not signed"):
        edgeenh.load(public_key=keys / "release.pub")


def test_a_signature_by_another_key_is_refused(signed, keys):
    with pytest.raises(IntegrityError, match=r"is signed by the key .*, expected"):
        Bundle.open(signed.path, public_key=keys / "other.pub")


def test_a_signature_of_another_bundle_is_refused(signed, keys, manifest, members, tmp_path):
    other = write_bundle(tmp_path / "o.edgeenh", manifest, {**members, "MODEL_CARD.md": b"# other\n"})
    parts = {**_members(other.path), "manifest.sig": _members(signed.path)["manifest.sig"]}
    other.path.write_bytes(pack(parts))
    with pytest.raises(IntegrityError, match="does not fit its manifest; forged"):
        Bundle.open(other.path, public_key=keys / "release.pub")


def test_a_forger_with_the_key_id_but_not_the_key_is_refused(signed, keys):
    parts = _members(signed.path)
    head, _, _ = parts["manifest.sig"].partition(b"ed25519 ")
    for forged in (bytes(64), os.urandom(64)):
        signed.path.write_bytes(pack({**parts, "manifest.sig": head + b"ed25519 " + forged.hex().encode() + b"\n"}))
        with pytest.raises(IntegrityError, match="does not fit its manifest"):
            Bundle.open(signed.path, public_key=keys / "release.pub")


@pytest.mark.parametrize(
    "change",
    [lambda s: s + b"\n", lambda s: s.upper(), lambda s: b"x" + s, lambda s: s.replace(b"\n", b"\r\n"), lambda s: b""],
)
def test_a_signature_of_another_form_is_refused_even_without_a_key(signed, change):
    parts = _members(signed.path)
    signed.path.write_bytes(pack({**parts, "manifest.sig": change(parts["manifest.sig"])}))
    with pytest.raises(IntegrityError, match="no signature that edgeenh writes"):
        Bundle.open(signed.path)


def test_a_signature_anywhere_but_last_is_refused(signed):
    parts = _members(signed.path)
    signature = parts.pop("manifest.sig")
    manifest = parts.pop("manifest.json")
    signed.path.write_bytes(pack({"manifest.json": manifest, "manifest.sig": signature, **parts}))
    with pytest.raises(IntegrityError, match="not in sorted order"):
        Bundle.open(signed.path)


def test_the_file_is_read_once_so_a_swap_after_the_check_changes_nothing(signed, keys, monkeypatch):
    """Time of check against time of use: the path is exchanged the moment it was read."""
    swapped = []
    check = Bundle.from_bytes.__func__

    def swap_then_check(cls, data, path, *rest):
        path.write_bytes(b"PK\x03\x04 evil")
        swapped.append(path)
        return check(cls, data, path, *rest)

    monkeypatch.setattr(Bundle, "from_bytes", classmethod(swap_then_check))
    opened, listening = [], [True]  # a hook stays for the life of the process
    sys.addaudithook(lambda event, args: opened.append(args[0]) if listening and event == "open" else None)
    bundle = Bundle.open(signed.path, public_key=keys / "release.pub")
    model, golden = bundle.model("fp32"), bundle.golden()
    listening.clear()
    assert swapped == [signed.path]
    assert model.onnx == bundle.read("generator.fp32.onnx")
    assert len(golden) == 1
    assert [str(path) for path in opened if str(path) == str(signed.path)] == [str(signed.path)] * 2, (
        "read, then swapped"
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_private_key_that_others_can_reach_is_refused(bundle, tmp_path, mode, capsys):
    generate(tmp_path / "k")
    (tmp_path / "k").chmod(mode)
    before = bundle.path.read_bytes()
    assert main(["sign", str(bundle.path), "--key", str(tmp_path / "k")]) == 2
    assert f"has the mode {mode:04o} and others can reach it, expected 0600: chmod 600" in _one_line(capsys)
    assert bundle.path.read_bytes() == before


def _no_file(folder):
    return folder / "absent"


def _public_for_private(folder):
    generate(folder / "k")
    (folder / "k.pub").chmod(0o600)
    return folder / "k.pub"


def _no_key(folder):
    (folder / "n").write_text("no key")
    (folder / "n").chmod(0o600)
    return folder / "n"


def _link(folder):
    generate(folder / "k")
    (folder / "l").symlink_to(folder / "k")
    return folder / "l"


def _by_openssl(folder, *words):
    pytest.importorskip("cryptography")
    try:
        subprocess.run(["openssl", "genpkey", *words, "-out", str(folder / "o")], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl")
    (folder / "o").chmod(0o600)
    return folder / "o"


def _rsa(folder):
    return _by_openssl(folder, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")


def _with_passphrase(folder):
    return _by_openssl(folder, "-algorithm", "ED25519", "-aes256", "-pass", "pass:x")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_no_file, "there is no private key"),
        (_public_for_private, "is it the public key"),
        (_no_key, "no private key in PEM form"),
        (_link, "cannot be read"),
        (Path, "it is no plain file"),
        (_rsa, "no Ed25519 key"),
        (_with_passphrase, "has a passphrase"),
    ],
)
def test_what_is_no_private_key_is_bad_input(bundle, tmp_path, make, words, capsys):
    assert main(["sign", str(bundle.path), "--key", str(make(tmp_path))]) == 2
    assert words in _one_line(capsys)


def test_what_is_no_public_key_is_bad_input(signed, tmp_path, keys, capsys):
    (tmp_path / "n").write_text("no key")
    (tmp_path / "open.pub").write_bytes((keys / "release.pub").read_bytes())
    (tmp_path / "open.pub").chmod(0o666)
    for path, words in (
        (tmp_path / "absent", "there is no public key"),
        (tmp_path / "n", "no public key in PEM form"),
        (keys / "release", "it is a private key"),
        (tmp_path / "open.pub", "can be changed by everybody"),
        (tmp_path, "cannot be read"),
    ):
        assert main(["verify", str(signed.path), "--public-key", str(path)]) == 2
        assert words in _one_line(capsys)


def test_without_cryptography_a_demanded_key_names_the_extra(signed, keys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingExtra, match=r"edgeenh\[trust\]"):
        Bundle.open(signed.path, public_key=keys / "release.pub")
    assert Bundle.open(signed.path).signature, "what demands nothing needs nothing"


def test_the_floor_rises_and_an_older_bundle_is_refused_from_then_on(signed, keys, tmp_path, capsys):
    floor = tmp_path / "floor.json"
    command = ["verify", str(signed.path), "--public-key", str(keys / "release.pub"), "--floor", str(floor)]
    assert main([*command, "--raise-floor"]) == 0
    assert read_floor(floor) == {"dental-n": 1}
    assert main(command) == 0
    assert raise_floor(floor, "dental-n", 5)
    assert not raise_floor(floor, "dental-n", 3), "it never goes down"
    capsys.readouterr()
    assert main([*command, "--raise-floor"]) == 4
    assert "version 1, expected at least 5" in _one_line(capsys)
    floor.write_text('{"xray-n": 1}')
    assert main(command) == 4
    assert "expected one that the station's floor names (xray-n)" in _one_line(capsys)


NO_FLOORS = (
    *("", "[]", "3", "[" * 100_000, '{"../x": 1}', '{"dental-n": 1, "dental-n": 0}'),
    *(f'{{"dental-n": {value}}}' for value in ('"1"', "-1", "true", "1e3", "99999999999")),
)


@pytest.mark.parametrize("text", NO_FLOORS, ids=range(len(NO_FLOORS)))
def test_a_floor_file_that_is_none_is_bad_input(text, bundle, tmp_path, capsys):
    (tmp_path / "floor").write_text(text)
    assert main(["verify", str(bundle.path), "--floor", str(tmp_path / "floor")]) == 2
    assert "floor file" in _one_line(capsys)


def test_raising_the_floor_needs_a_file_and_a_key(bundle, keys, tmp_path, capsys):
    assert main(["verify", str(bundle.path), "--raise-floor", "--floor", "1"]) == 2
    assert main(["verify", str(bundle.path), "--raise-floor", "--floor", str(tmp_path / "f")]) == 2
    assert main(["verify", str(bundle.path), "--floor", str(tmp_path / "f")]) == 2
    assert capsys.readouterr().err.count("\n") == 3
    assert not (tmp_path / "f").exists()


def test_a_clock_set_back_changes_nothing(signed, keys, monkeypatch):
    """Nothing asks what time it is: not of a bundle of the future, not with a clock of 1970."""
    monkeypatch.setattr("time.time", lambda: 0.0)
    os.utime(signed.path, (0, 0))
    assert Bundle.open(signed.path, public_key=keys / "release.pub", floor=1).trusted
    with pytest.raises(IntegrityError, match="at least 2"):
        Bundle.open(signed.path, public_key=keys / "release.pub", floor=2)


def test_a_full_disk_while_signing_leaves_the_old_bundle(bundle, release, monkeypatch):
    before = bundle.path.read_bytes()

    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputFailed, match="no space left"):
        sign_bundle(bundle.path, release)
    monkeypatch.undo()
    assert bundle.path.read_bytes() == before
    assert list(bundle.path.parent.iterdir()) == [bundle.path]


def test_a_damaged_bundle_is_not_signed(bundle, keys, capsys):
    data = bytearray(bundle.path.read_bytes())
    data[-30] ^= 1
    bundle.path.write_bytes(data)
    assert main(["sign", str(bundle.path), "--key", str(keys / "release")]) == 4
    assert bundle.path.read_bytes() == bytes(data)


def _sign_again_and_again(path, key):
    for _ in range(10):
        sign_bundle(path, load_private(key))


def test_two_that_sign_at_once_leave_a_whole_bundle(bundle, keys):
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=_sign_again_and_again, args=(bundle.path, keys / n)) for n in ("release", "other")]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0]
    assert Bundle.open(bundle.path).signature.key_id in {
        load_public(keys / f"{n}.pub").id for n in ("release", "other")
    }
    assert list(bundle.path.parent.iterdir()) == [bundle.path]


def test_a_pipe_in_the_place_of_a_bundle_does_not_hang(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    assert main(["verify", str(tmp_path / "pipe")]) == 2
    assert "it is no plain file" in _one_line(capsys)
