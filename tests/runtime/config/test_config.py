"""The station's file: read whole, or refused with the line that is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.config import read_config, setting
from edgeenh.config.lines import lines_of
from edgeenh.config.registry import TABLES, Table
from edgeenh.config.settings import settings_of
from edgeenh.config.shown import reference, resolved
from edgeenh.errors import UsageError

DOCS = Path(__file__).parents[3] / "docs" / "station-config.md"

WHOLE = """\
# a station
[model]
bundle = "dental-n.edgeenh"
strength = 1

[stream]
mode = "live"
max_age_ms = 250

[[source]]
spec = "camera:0?fps=30"

[[sink]]
spec = "shm:edgeenh"

[[sink]]
spec = "preview:8000"

[monitoring]
http = "127.0.0.1:9464"
"""


@dataclass(frozen=True)
class Room:
    """A table of another command."""

    chair: int = setting(doc="Its number.", unit="chairs", least=1, example="2")
    lamps: tuple[str, ...] = setting((), "Which are on.")

    def check(self) -> None:
        if len(self.lamps) > self.chair:
            raise UsageError(f"there are {len(self.lamps)} lamps for {self.chair} chairs, expected one each at most")


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "station.toml"
    path.write_text(text)
    return path


def test_a_whole_file_is_typed_and_knows_its_lines(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, WHOLE))
    model, stream = config.one("model"), config.one("stream")
    assert (model.bundle, model.strength, type(model.strength), model.backend) == (
        Path("dental-n.edgeenh"),
        1.0,
        float,
        "auto",
    )
    assert (stream.mode, stream.max_age_ms, stream.frames) == ("live", 250.0, None)
    assert [sink.spec for sink in config.many("sink")] == ["shm:edgeenh", "preview:8000"]
    assert config.line("sink", 1, "spec") == 17
    assert config.line("stream", "max_age_ms") == 8
    assert config.line("stream", "frames") is None
    assert config.one("monitoring").events_sync == "always"


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, ""))
    assert config.one("stream").max_age_ms == 250.0
    assert config.many("source") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[stream]\nmode = 'live'\nmax_age = 250",
            "line 3: max_age is not a key of [stream]; did you mean max_age_ms?",
        ),
        (
            "[stream]\nmax_age_ms = '250 ms'",
            'line 2: max_age_ms of [stream] is "250 ms", expected a number of milliseconds above 0',
        ),
        ("[stream]\nmax_age_ms = true", "line 2: max_age_ms of [stream] is true, expected a number of milliseconds"),
        ("[stream]\nmax_age_ms = nan", "line 2: max_age_ms of [stream] is nan, expected a number"),
        ("[stream]\nmax_age_ms = -1", "is -1, expected a number of milliseconds above 0 and at most 3.6e+06"),
        ("[stream]\nframes = 2.0", "frames of [stream] is 2.0, expected a whole number of frames at least 1"),
        ("[stream]\nmode = 'fast'", 'mode of [stream] is "fast", expected one of "live", "exposure", "offline"'),
        ("[strem]\nmode = 'live'", "line 1: [strem] is not a table of a station's file; did you mean [stream]?"),
        (
            "max_age_ms = 250",
            "line 1: [max_age_ms] is not a table of a station's file; max_age_ms belongs under [stream]",
        ),
        ("[source]\nspec = 'camera:0'", "line 1: [source] stands alone, expected [[source]]"),
        ("[[stream]]\nmode = 'live'", "line 1: stream is no table, expected [stream]"),
        ("\n[[source]]\nbits = 12", 'line 2: [[source]] has no spec, expected spec = "camera:0'),
        ("[[source]]\nspec = 'camera:0'\n[[source]]\nspec = 3", "line 4: spec of [[source]] is 3, expected a text"),
        ("[stream]\nmode = live", "is no TOML: Invalid value (at line 2, column 8)"),
        ("[stream]\nframes = 1\nframes = 2", "is no TOML: Cannot overwrite a value (at "),
        ("[model]\nbundle = ''", 'bundle of [model] is "", expected a path in quotes'),
        ("[quite]\nother = 1", "[quite] is not a table of a station's file, expected [model], [stream]"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_where(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_config(write(tmp_path, text))
    assert expected in str(caught.value)
    assert "station.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml cannot be read \(No such file"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"[model]\nbundle = '\xe9'")
    with pytest.raises(UsageError, match="is not UTF-8"):
        read_config(tmp_path / "latin.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (1 << 21))
    with pytest.raises(UsageError, match="expected a station's file"):
        read_config(tmp_path / "large.toml")


def test_another_command_adds_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeenh.config.tables.Room", Room, raising=False)
    known = (*TABLES, Table("room", "edgeenh.config.tables:Room"))
    config = read_config(write(tmp_path, "[room]\nchair = 2\nlamps = ['left', 'right']"), known)
    assert config.one("room") == Room(2, ("left", "right"))
    with pytest.raises(UsageError, match=r"line 1: there are 2 lamps for 1 chairs"):
        read_config(write(tmp_path, "[room]\nchair = 1\nlamps = ['left', 'right']"), known)
    with pytest.raises(UsageError, match=r"lamps of \[room\] is left, expected a list of texts|is \"left\""):
        read_config(write(tmp_path, "[room]\nchair = 1\nlamps = 'left'"), known)
    assert "| `chair` | a whole number of chairs at least 1, e.g. 2 | must be given | Its number. |" in reference(known)


def test_what_is_shown_says_the_same_when_read_again(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, WHOLE))
    shown = resolved(config, {("stream", None, "max_age_ms"): "--max-age"})
    assert "max_age_ms = 250.0  # --max-age" in shown
    assert "strength = 1.0  # " + f"{config.path}, line 4" in shown
    assert 'backend = "auto"  # default' in shown
    again = read_config(write(tmp_path, shown))
    for table in TABLES:
        found = (again.many, config.many) if table.many else (again.one, config.one)
        assert found[0](table.name) == found[1](table.name)


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(st.lists(texts, max_size=3), texts, st.floats(1e-3, 3_600_000), st.integers(1, 10**9))
def test_every_value_survives_being_shown(
    tmp_path_factory: pytest.TempPathFactory, specs: list[str], bundle: str, age: float, frames: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = (
        f"[model]\nbundle = {json.dumps(bundle, ensure_ascii=False)}\n[stream]\nmax_age_ms = {age}\nframes = {frames}\n"
    )
    text += "".join(f"[[sink]]\nspec = {json.dumps(spec, ensure_ascii=False)}\n" for spec in specs)
    config = read_config(write(folder, text))
    again = read_config(write(folder, resolved(config)))
    assert asdict(again.one("model")) == asdict(config.one("model"))
    assert again.one("stream") == config.one("stream")
    assert [sink.spec for sink in again.many("sink")] == specs


@given(st.text(max_size=200))
def test_no_text_makes_it_fail_in_another_way(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "station.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(UsageError):
        read_config(path)


def test_lines_are_found_through_comments_and_long_texts() -> None:
    text = 'a.b = 1 # c = 2\n"quoted key" = """\nnot = 1\n"""\n[ x . y ] # z\nk= 1\n[[s]]\n[[s]]\nv =1\n'
    assert lines_of(text) == {
        ("a", "b"): 1, ("quoted key",): 2, ("x", "y"): 5, ("x", "y", "k"): 6, ("s", 0): 7, ("s", 1): 8, ("s", 1, "v"): 9,
    }  # fmt: skip


def test_the_documentation_is_what_the_classes_say() -> None:
    assert reference() in DOCS.read_text(), (
        "docs/station-config.md is stale: python -m edgeenh.config > docs/station-config.md"
    )


def test_every_setting_says_what_it_is() -> None:
    for table in TABLES:
        cls: Any = table.load()
        for name, found in settings_of(cls).items():
            assert found.about.doc.endswith("."), f"{table.heading} {name}"
