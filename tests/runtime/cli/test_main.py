from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

import edgeenh as package
from edgeenh.cli import main, make_app, output
from edgeenh.cli.progress import Progress
from edgeenh.cli.summaries import SUMMARIES
from edgeenh.errors import GateFailed, UsageError

Run = Callable[..., Any]


def test_help_lists_every_command_in_the_order_of_the_work(edgeenh: Run) -> None:
    done = edgeenh("--help")
    names = ["train", "export", "run", "enhance", "bench", "inspect", "verify", "doctor"]
    places = [done.out.index(f"\n  {name} ") for name in names]
    assert done.code == 0
    assert places == sorted(places)
    assert edgeenh().out == done.out  # nothing at all asks for help


def test_the_overview_says_what_the_commands_say_themselves() -> None:
    group = typer.main.get_command(make_app())
    said = {name: command.get_short_help_str(10_000) for name, command in group.commands.items()}  # type: ignore[attr-defined]
    assert {name: said[name] for name in SUMMARIES} == SUMMARIES


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["verify", "--help"]])
def test_a_command_that_is_not_asked_for_is_not_imported(
    words: list[str], start_script: Callable[[str], subprocess.Popen[str]]
) -> None:
    names = (
        "edgeenh.cli.run",
        "edgeenh_train.cli",
        "edgeenh_export.cli",
        "edgeenh_bench.cli",
        "numpy",
        "typer.rich_utils",
    )
    process = start_script(
        f"import sys; from edgeenh.cli import main; code = main({words!r}); "
        f"print([name for name in {names!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "[]\n"), out


def test_help_before_a_command_is_that_of_all(edgeenh: Run) -> None:
    assert edgeenh("--help", "run").out == edgeenh("--help").out


@pytest.mark.parametrize("command", ["run", "enhance"])
def test_a_command_has_an_example_in_its_help(edgeenh: Run, command: str) -> None:
    done = edgeenh(command, "--help")
    assert done.code == 0
    assert f"Example: edgeenh {command} " in " ".join(done.out.split())


def test_version(edgeenh: Run) -> None:
    assert edgeenh("--version").out == f"edgeenh {package.__version__}\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("nothing",), "No such command 'nothing'. See `edgeenh --help`."),
        (("run",), "there is no SOURCE: name one, e.g. camera:0 or synthetic:1280x720@30"),
        (("run", "x.mp4", "--frames", "many"), "Invalid value for '--frames'"),
        (("run", "x.mp4", "--fast"), "No such option: --fast"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(edgeenh: Run, words: tuple[str, ...], expected: str) -> None:
    done = edgeenh(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("edgeenh: ")
    assert expected in done.err
    assert done.err.count("\n") == 1


def _app_with(error: Exception) -> typer.Typer:
    app = make_app()

    @app.command("break")
    def fail() -> None:
        raise error

    return app


def test_errors_become_their_exit_code_and_bugs_say_they_are(monkeypatch: pytest.MonkeyPatch, edgeenh: Run) -> None:
    for error, code, line in (
        (GateFailed("too far"), 3, "edgeenh: too far\n"),
        (KeyboardInterrupt(), 130, "edgeenh: interrupted\n"),
        (ZeroDivisionError("x\ny"), 1, "edgeenh: this is a bug in edgeenh: ZeroDivisionError: x y; "),
    ):
        monkeypatch.setattr("edgeenh.cli._app_for", lambda words, error=error: _app_with(error))
        done = edgeenh("break")
        assert done.code == code
        assert done.err.endswith(line) or done.err.startswith(line)
    with pytest.raises(ZeroDivisionError):
        main(["--debug", "break"])


def test_a_workshop_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch, edgeenh: Run) -> None:
    monkeypatch.setitem(sys.modules, "edgeenh_train.cli", None)  # importing it raises ImportError
    assert "pip install 'edgeenh[train]'" in edgeenh("--help").out
    done = edgeenh("train", "--low", "x")
    assert (done.code, done.err) == (5, "edgeenh: `edgeenh train` needs `pip install 'edgeenh[train]'`\n")


def test_a_reader_that_goes_away_is_no_traceback(start_script: Callable[[str], subprocess.Popen[str]]) -> None:
    process = start_script("import sys; from edgeenh.cli import main; sys.stdin.read(); sys.exit(main(['--help']))")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()  # nobody reads any more; only now may it begin
    process.stdin.close()
    assert process.stderr is not None
    with process.stderr as stream:
        errors = stream.read()
    assert process.wait(60) in (0, 1)
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


def test_json_goes_to_a_file_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new" / "report.json"
    output.emit_json(str(target), {"a": "ä"})
    assert json.loads(target.read_text("utf-8")) == {"a": "ä"}
    with pytest.raises(ValueError, match="JSON"):
        output.emit_json(str(target), {"a": math.nan})
    assert json.loads(target.read_text("utf-8")) == {"a": "ä"}
    output.emit_json(None, {"nothing": "happens"})


def test_json_into_a_device_leaves_the_device_in_place() -> None:
    output.emit_json(output.check_json_target("/dev/null"), {"a": 1})
    assert Path("/dev/null").is_char_device()
    with pytest.raises(package.EdgeenhError, match="no space left to write /dev/full"):
        output.emit_json("/dev/full", {"a": 1})


def test_a_json_target_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target in (tmp_path, tmp_path / "file" / "x.json"):
        with pytest.raises(UsageError, match=r"folder|cannot be written"):
            output.check_json_target(str(target))


def test_json_never_takes_the_place_of_an_input_or_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"the original")
    for words in (["run", str(clip), "--json", "clip.mp4"], ["run", "a", "--out=clip.mp4", "--json=./clip.mp4"]):
        output.start(words)
        with pytest.raises(UsageError, match=r"clip\.mp4 is also an input or the output of this command"):
            output.check_json_target(words[-1].removeprefix("--json="))
        assert main(words) == 2
    assert clip.read_bytes() == b"the original"
    output.start(["run", "clip.mp4", "--json", "report.json"])
    assert output.check_json_target("report.json") == "report.json"


def test_with_json_on_stdout_words_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    for words, stream in ((["--json", "-"], "err"), (["--json=-"], "err"), (["--json", "f"], "out"), ([], "out")):
        output.start(words)
        output.say("text")
        output.next_step("edgeenh doctor")
        assert getattr(capsys.readouterr(), stream) == "text\nnext: edgeenh doctor\n"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("rich", [True, False])
def test_progress_appears_after_two_seconds_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, rich: bool) -> None:
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    now = [0.0]
    for stream, shown in ((_Terminal(), True), (io.StringIO(), False)):
        now[0] = 0.0
        with Progress("enhancing", 250, "frames", stream=stream, now=lambda: now[0]) as progress:
            progress.update(1)
            now[0] = 1.9
            progress.update(30)
            assert stream.getvalue() == ""
            now[0] = 2.5
            progress.update(50)
        assert ("50" in stream.getvalue()) is shown


@pytest.mark.parametrize("columns", ["60", "160"])
def test_progress_shows_what_is_done_and_left_however_long_the_note(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    now, stream = [0.0], _Terminal()
    with Progress("train", 24_000, "images", stream=stream, now=lambda: now[0]) as progress:
        for done in (2_000, 2_040):  # a run that goes on: 2,000 are not this session's
            progress.update(done, note="identity 0.123, [bold]truth, " * 20)
            now[0] += 4.0
        progress.update(2_080, note="identity 0.123, [bold]truth, " * 20)
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert "2080/24000" in drawn
    assert re.search(r"2080/24000 (\d:\d\d:\d\d|-:--:--) 10\.0 ", drawn), drawn
    assert max(map(len, re.split(r"[\r\n]", drawn))) <= int(columns)
