"""`edgeenh doctor`: what is installed, what can be used here, and the fix for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from edgeenh.cli import output
from edgeenh.errors import BackendUnavailable, IntegrityError

_EXCLUDED_BY = {"cpu": "onnxruntime-gpu", "gpu": "onnxruntime"}  # both packages install the same module


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("doctor")(doctor)


def doctor(json_target: output.JsonOption = None) -> None:
    """Say what is installed, which backends can be used on this machine, why not the others, and what to do about it.

    Exit 5 when no backend can be used, 4 when the bundle that ships with edgeenh is damaged.

    Example: edgeenh doctor --json -
    """
    from edgeenh.doctor import examine

    document = examine()
    output.emit_json(json_target, document)
    for name, value in _lines(document):
        output.say(f"{name:<9} {value}".rstrip())
    if not any(backend["usable"] for backend in document["backends"]):
        raise BackendUnavailable("no backend can be used here: pip install 'edgeenh[cpu]' runs on every CPU")
    if document["bundle"]["damaged"]:
        raise IntegrityError(document["bundle"]["problem"])
    output.next_step("edgeenh run synthetic:1280x720@30 --frames 100 --out null")


def _lines(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    environment = document["environment"]
    yield "edgeenh", f"{environment['edgeenh']} on Python {environment['python']}, {environment['os']}"
    cpu = environment["cpu"]
    yield "cpu", f"{cpu['model']}, {cpu['cores_allowed']} of {cpu['cores']} cores, {' '.join(cpu['flags'])}"
    yield "gpu", ", ".join(f"{gpu['name']} (driver {gpu['driver']})" for gpu in environment["gpus"]) or "none seen"
    for backend in document["backends"]:
        yield from _backend(backend)
    for extra in document["extras"]:
        yield "extra", _extra(extra)
    if not document["extras"]:
        yield "extra", "unknown: edgeenh runs from a source tree that is not installed (pip install -e .)"
    yield "bundle", _bundle(document["bundle"])


def _backend(backend: dict[str, Any]) -> Iterator[tuple[str, str]]:
    name = f"{backend['name']} {backend['version'] or ''}".rstrip()
    if backend["usable"]:
        yield "backend", f"{name}: usable on {', '.join(backend['devices'])} ({', '.join(backend['precisions'])})"
        return
    yield "backend", f"{name}: not usable: {backend['reason']}"
    yield "", f"fix: {backend['fix']}"


def _extra(extra: dict[str, Any]) -> str:
    packages = extra["packages"].items()
    if extra["installed"]:
        return f"{extra['name']}: installed ({', '.join(f'{name} {version}' for name, version in packages)})"
    missing = ", ".join(name for name, version in packages if version is None)
    first = f"pip uninstall -y {_EXCLUDED_BY[extra['name']]} && " if extra["name"] in _EXCLUDED_BY else ""
    return f"{extra['name']}: without {missing}: {first}pip install 'edgeenh[{extra['name']}]'"


def _bundle(bundle: dict[str, Any]) -> str:
    if not bundle["intact"]:
        return bundle["problem"]  # type: ignore[no-any-return]
    model, precisions = bundle["model"], ", ".join(bundle["precisions"])
    return f"{model['id']} {model['version']} ({precisions}) is intact, sha256 {bundle['sha256'][:12]}…"
