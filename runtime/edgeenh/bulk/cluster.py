"""Bulk work on a Ray cluster: files are read and written where the command runs, and enhanced wherever there is room.

The machines of the cluster need edgeenh, the extra `cluster` and a backend; no shared file system. One process writes
results and their list, so a machine that dies can leave neither half a file nor a wrong line: what it had is done again
elsewhere. What was made is the same to the byte as on one machine with the same backend, for every worker gets it by name.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from uuid import UUID

from edgeenh.bulk.cluster_worker import BEFORE, MADE, Row, Setting, Worker, read, row_of, version
from edgeenh.bulk.enhancing import Enhanced
from edgeenh.bulk.outcome import Outcome
from edgeenh.errors import BackendUnavailable, EdgeenhError, JobFailed, MissingExtra, OutputFailed, UsageError
from edgeenh.files import write_bytes
from edgeenh.frames import Provenance

if TYPE_CHECKING:
    from edgeenh.bulk.discovery import Item
    from edgeenh.bulk.ledger import Ledger
    from edgeenh.enhancer import Enhancer

REACH_S = 5.0
"""A cluster that does not answer within this is not there."""

ROUNDS = 4
"""So often a file is sent out whose machine ended meanwhile; then it is given up, for it may be the file that ends them."""

READERS = 4

ANSWER_S = 60.0
"""A machine that does not start a process within this cannot work."""

NODE = "ray.io/node-id"


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Ray, connected while entered; enter it before handlers of signals are set, for Ray sets its own.

    Args:
        address: `auto` (the cluster that this machine belongs to), `HOST:PORT` of its head, or `local` (one of this machine
            alone, for as long as this is entered).

    Raises:
        MissingExtra: Ray is not installed.
        UsageError: The address is none.
        BackendUnavailable: No cluster answers there, or this machine does not belong to it.
    """
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        raise MissingExtra("`edgeenh enhance --ray`", "cluster")
    _check_address(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its core complains of Ray Data's own actors on stderr
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        with warnings.catch_warnings(action="ignore"), _stderr_aside():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except Exception as exc:  # Ray has no error of its own for this
        said = " ".join(str(exc).split())[:160]
        raise BackendUnavailable(
            f"--ray {address}: no cluster that this machine belongs to ({said}): "
            "`ray start --head` on one machine, `ray start --address=HOST:PORT` on the others, this one too"
        ) from exc
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _stderr_aside() -> Iterator[None]:
    """Ray's core announces its log level on stderr, past Python; what goes wrong is raised all the same."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def enhance_on_cluster(
    items: Sequence[Item],
    ledger: Ledger,
    enhancer: Enhancer,
    run: UUID,
    *,
    bits: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    again: bool = False,
    most_workers: int | None = None,
) -> Generator[Outcome]:
    """Enhance files on the cluster that is connected; each is written, and in the list, when its outcome comes.

    Args:
        items: The files.
        ledger: The list of results; what it has is passed over.
        enhancer: Says how, and settles the backend for all; does no file itself.
        run: A UUID of this run.
        bits: As `edgeenh.bulk.enhancing.Workshop`.
        threads: CPU threads of each worker, and cores that it takes of the cluster; None = 1.
        device: As `edgeenh.load`.
        again: Also do what the list has.
        most_workers: At most so many at a time; None = as many as there are cores for.

    Yields:
        What became of each file, in the order in which they are done. Closing the generator ends the work; so does a
        full disk, after the outcome that says so.

    Raises:
        JobFailed: The cluster, or every worker in it, cannot work.
        EdgeenhError: No backend here can run the bundle.
    """
    import ray

    setting = _settle(enhancer, run, bits, threads or 1, device)
    rows = [
        row_of(index, item.source, item.target, dicom=item.dicom, known=None if again else ledger.known(item.target))
        for index, item in enumerate(items)
    ]
    left = dict(enumerate(items))
    bundle = ray.put(bytes(enhancer.bundle.data))
    try:
        for number in range(ROUNDS):
            # What comes back from a later round is of a worker that had nothing else: no other file can have ended it.
            for row in _rows([rows[index] for index in left], setting, bundle, most_workers, alone=number > 0):
                item = left.pop(row["index"])
                try:
                    outcome = _settled(item, row, ledger)
                except OutputFailed as exc:
                    yield Outcome.failed(str(item.source), exc)
                    return
                yield outcome
            if not left:
                return
    except ray.exceptions.RayError as exc:
        raise _translated(exc) from exc
    for item in left.values():
        text = f"{item.source}: the process that had it ended {ROUNDS} times: enhance it alone, without --ray"
        yield Outcome.failed(str(item.source), JobFailed(text))


def check_machines() -> int:
    """Ask every machine of the cluster that is connected for its edgeenh; returns how many there are.

    Raises:
        BackendUnavailable: One has none, another version than this one, or does not answer.
    """
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    ask = ray.remote(num_cpus=0)(version)
    asked = {node["NodeID"]: ask.options(label_selector={NODE: node["NodeID"]}).remote() for node in alive}
    for node in alive:
        place = f"{node['NodeManagerAddress']}/{node['NodeID'][:8]}"
        try:
            found = ray.get(asked[node["NodeID"]], timeout=ANSWER_S)
        except ray.exceptions.RayError as exc:
            said = " ".join(str(exc).split())[-160:] or "no answer"
            raise BackendUnavailable(f"{place} cannot run edgeenh ({said}): install `edgeenh[cluster]` there") from exc
        if found != version():
            raise BackendUnavailable(f"{place} has edgeenh {found}, expected {version()}: install the same there")
    return len(alive)


def _settle(enhancer: Enhancer, run: UUID, bits: int | None, threads: int, device: str) -> Setting:
    """The backend that all will use: as this machine chooses, at the size of the bundle's first golden frame."""
    _, frame, _ = enhancer.bundle.golden()[0]
    info = enhancer.prepare(*frame.shape[:2])
    return Setting(
        version(), enhancer.bundle.sha256, info.backend, info.precision, device, threads, enhancer.strength, bits, run
    )


def _rows(rows: list[Row], setting: Setting, bundle: Any, most_workers: int | None, *, alone: bool) -> Iterator[Row]:
    """Rows through `read` here and `Worker` anywhere; a row whose worker ended does not come back.

    Args:
        rows: As `row_of` makes them.
        setting, bundle: As `Worker`.
        most_workers: As `enhance_on_cluster`.
        alone: A worker has one row at a time, and no other waits for it.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext, TaskPoolStrategy

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what it would say is told of the files
    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.max_errored_blocks = -1  # what a file costs is told of the file
    here = {NODE: ray.get_runtime_context().get_node_id()}
    threads = setting.threads or 1
    cores = int(ray.cluster_resources().get("CPU", 1))
    workers = max(1, min(cores // threads, len(rows), most_workers or cores))
    pool = ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1 if alone else None)
    with warnings.catch_warnings(action="ignore"):  # ray_remote_args_fn goes with 2.64; nothing else bounds retries
        data = (
            ray.data.from_items(rows, override_num_blocks=len(rows))
            .map(read, compute=TaskPoolStrategy(size=READERS), num_cpus=0, label_selector=here)
            .map(
                Worker, fn_constructor_args=(setting, bundle), num_cpus=threads,
                num_gpus=int(setting.device == "cuda"), compute=pool, ray_remote_args_fn=_no_retries,
            )
        )  # fmt: skip
        yield from data.iter_rows()


def _no_retries() -> dict[str, Any]:
    """Ray would try a file that ends its worker for ever; `ROUNDS` counts instead."""
    return {"max_task_retries": 0}


def _settled(item: Item, row: Row, ledger: Ledger) -> Outcome:
    """Write what came back, and say what became of the file."""
    about: dict[str, Any] = json.loads(row["about"])
    if row["state"] == BEFORE:
        return Outcome.before(item)
    if row["state"] != MADE:
        return Outcome(str(item.source), detail=about["detail"], code=about["code"])
    write_bytes(item.target, row["data"])
    ledger.add(item.target, item.source, about["input_sha256"], row["data"], Provenance(**about["provenance"]))
    made = Enhanced(content=b"", **about["made"])
    made = replace(made, size=(made.size[0], made.size[1]), left_out=tuple(made.left_out))
    return Outcome.made(item, made, about["node"])


def _check_address(address: str) -> None:
    if address in ("auto", "local"):
        return
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 65_536) or "/" in host:
        raise UsageError(f"--ray is {address!r}, expected auto, local, or HOST:PORT of the cluster's head")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except OSError as exc:
        raise BackendUnavailable(
            f"--ray {address}: nothing answers there ({exc.strerror or exc}): start it with `ray start --head --port={port}`"
        ) from exc


def _translated(error: Exception) -> EdgeenhError:
    """What Ray raises, in our words: an error of ours as it was, anything else in one line."""
    cause: BaseException | None = error
    while cause is not None:
        inner = getattr(cause, "cause", None)
        if isinstance(inner, EdgeenhError):
            return inner
        cause = inner if isinstance(inner, BaseException) else cause.__cause__
    said = " ".join(str(error).split())
    return JobFailed(f"the cluster gave up: {said[:300]}; what is done is kept, run the same command again")
