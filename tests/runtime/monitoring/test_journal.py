"""The journal of events: chained, bounded, and never in the way."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.errors import OutputFailed, UsageError
from edgeenh.monitoring.chain import FIRST, verify_journal
from edgeenh.monitoring.journal import EventJournal


def journal(path: Path | str, **more: Any) -> EventJournal:
    return EventJournal(path, now=lambda: "2026-11-27T10:00:00.000+00:00", **{"sync": False, **more})


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_are_lines_and_each_names_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "log" / "events.jsonl"
    opened = journal(path, sync=True)
    opened.add("lost", "the camera is gone\nreally", source="camera:0", sequence=7)
    opened.close()
    first, second, last = lines(path)
    assert (first["kind"], first["schema"], first["prev"]) == ("journal_opened", "edgeenh.events/1", FIRST)
    assert (second["kind"], second["detail"], second["sequence"]) == ("lost", "the camera is gone\nreally", 7)
    assert last["kind"] == "journal_closed"
    verdict = verify_journal(path)
    assert (verdict.holds, verdict.lines, verdict.anchored, verdict.head) == (True, 3, True, opened.head)
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_chain_goes_on_after_a_restart_and_over_files(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for run in range(3):
        opened = journal(path, max_bytes=1500)
        for number in range(6):
            opened.add("told", f"run {run} event {number}")
        opened.close()
    assert len(list(tmp_path.iterdir())) > 2
    verdict = verify_journal(path)
    assert (verdict.holds, verdict.lines, verdict.anchored, verdict.head) == (True, 24, True, opened.head)


def test_the_oldest_file_goes_and_the_rest_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    opened = journal(path, max_bytes=1000, files=2)
    for number in range(100):
        opened.add("told", f"event {number}")
    opened.close()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    assert all(entry.stat().st_size <= 1000 for entry in tmp_path.iterdir())
    verdict = verify_journal(path)
    assert (verdict.holds, verdict.anchored) == (True, False)


@given(st.data())
def test_no_change_of_the_past_goes_unseen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "chain.jsonl"
    path.unlink(missing_ok=True)
    opened = journal(path)
    for number in range(4):
        opened.add("told", f"event {number}")
    opened.close()
    former = path.read_bytes()
    at = data.draw(st.integers(0, len(former) - 1))
    change = data.draw(st.sampled_from(["flip", "remove line", "repeat line", "swap lines"]))
    whole = former.splitlines(keepends=True)
    line = former[:at].count(b"\n")
    if change == "flip":
        path.write_bytes(former[:at] + bytes([former[at] ^ data.draw(st.integers(1, 255))]) + former[at + 1 :])
    elif change == "remove line":
        path.write_bytes(b"".join(whole[:line] + whole[line + 1 :]))
    elif change == "repeat line":
        path.write_bytes(b"".join(whole[: line + 1] + whole[line:]))
    else:
        other = (line + 1) % len(whole)
        whole[line], whole[other] = whole[other], whole[line]
        path.write_bytes(b"".join(whole))
    verdict = verify_journal(path)
    assert not (verdict.holds and verdict.anchored and verdict.head == opened.head)


@pytest.mark.parametrize("left", [1, 20, 100])
def test_a_line_that_a_power_cut_left_half_is_ended_and_told(tmp_path: Path, left: int) -> None:
    path = tmp_path / "events.jsonl"
    journal(path).close()
    content = path.read_bytes()
    last = content.splitlines(keepends=True)[-1]
    path.write_bytes(content[: len(content) - len(last)] + last[:left])
    assert not verify_journal(path).holds
    opened = journal(path)
    opened.close()
    kinds = [json.loads(line).get("kind") for line in path.read_text().splitlines()[2:]]
    assert kinds[0] == "line_repaired"
    assert verify_journal(path).holds


def test_a_full_disk_loses_events_says_so_and_holds_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    told: list[str] = []
    opened = journal(path, on_failure=told.append)
    opened.flush()
    size = path.stat().st_size
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, former[1]))
    try:
        for number in range(5):
            opened.add("told", f"event {number}")
        opened.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert (path.stat().st_size, opened.lost, len(told)) == (size, 5, 1)
    assert "events are lost: " in told[0]
    opened.add("told", "there is room again")
    opened.close()
    assert [event["kind"] for event in lines(path)] == ["journal_opened", "events_lost", "told", "journal_closed"]
    assert lines(path)[1]["detail"] == "5 events could not be written"
    assert verify_journal(path).holds


def test_two_stations_do_not_write_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    first = journal(path, max_bytes=300)
    for number in range(3):  # also after a new file was begun
        first.add("told", f"event {number}")
        first.flush()
        with pytest.raises(UsageError, match="another process"):
            journal(path)
    first.close(30)
    assert path.with_name("events.jsonl.2").exists()
    journal(path).close(30)
    assert verify_journal(path).holds


def test_stdout_carries_the_same_lines(capfd: pytest.CaptureFixture[str]) -> None:
    opened = journal("-")
    opened.add("told", "something")
    opened.close()
    assert [json.loads(line)["kind"] for line in capfd.readouterr().out.splitlines()] == [
        "journal_opened", "told", "journal_closed",
    ]  # fmt: skip


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "events.jsonl", tmp_path):
        with pytest.raises((UsageError, OutputFailed), match="cannot be written"):
            journal(place)
    (tmp_path / "events.jsonl.1").mkdir()
    with pytest.raises(OutputFailed, match="cannot be read"):
        verify_journal(tmp_path / "events.jsonl")
