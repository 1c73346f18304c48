"""Records which names the Python bindings of TensorRT 10 and 11 have, into `names.json`.

    python tests/runtime/backends/tensorrt_names/record.py [--check]

The bindings' wheels are on PyPI, the libraries they need are not. What the bindings ask of those libraries when they are
imported is a handful of C functions, so libraries with these functions and nothing in them are compiled, the bindings are
imported in a process of their own, and their classes are listed. Nothing of TensorRT is executed. Needs pip, gcc and nm.
`--check` records nothing and fails where the record is not what the wheels say.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEELS = (
    "tensorrt_cu12_bindings==10.13.3.9",
    "tensorrt_cu13_bindings==10.16.1.11",
    "tensorrt_cu13_bindings==11.4.0.106",
)
RECORD = Path(__file__).with_name("names.json")
CLASSES = (
    *("Builder", "IBuilderConfig", "BuilderFlag", "ErrorCode", "ICudaEngine", "EngineInspector"),
    *("IExecutionContext", "ILogger", "INetworkDefinition", "IOptimizationProfile", "IProgressMonitor", "ITensor"),
    *("ITimingCache", "LayerInformationFormat", "NetworkDefinitionCreationFlag", "OnnxParser", "ParserError"),
    *("ProfilingVerbosity", "Runtime", "IRuntimeConfig"),
)
"""The classes that edgeenh calls; their members are recorded, and of the module its own names."""

_LIST = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("tensorrt", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
public = lambda thing: sorted(name for name in dir(thing) if not name.startswith("_"))
names = {name: public(getattr(module, name)) for name in sys.argv[2:] if hasattr(module, name)}
names["ILogger.Severity"] = public(module.ILogger.Severity)
print(json.dumps({"module": public(module), **names}))
"""


def names_of(wheel: Path, folder: Path) -> dict[str, list[str]]:
    """Class → public names, and `module` → its own, of the bindings in a wheel; `folder` takes what is made on the way."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    bindings = next(folder.glob("*/tensorrt.so"))
    _make_empty_libraries(bindings, folder)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    command = [sys.executable, "-c", _LIST, str(bindings), *CLASSES]
    listed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    names: dict[str, list[str]] = json.loads(listed.stdout)
    return names


def record(cache: Path) -> dict[str, dict[str, list[str]]]:
    """Download the wheels into `cache`, and list them by version."""
    found = {}
    for wheel in WHEELS:
        version = wheel.partition("==")[2]
        place = cache / version
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", str(place), wheel], check=True, capture_output=True)
        found[version] = names_of(next(place.glob("*.whl")), place / "unpacked")
    return found


def _make_empty_libraries(bindings: Path, folder: Path) -> None:
    """Libraries of the names that the bindings are linked to, with the functions that they ask for by name."""
    dynamic = subprocess.run(["readelf", "-d", bindings], check=True, capture_output=True, text=True).stdout
    needed = [line.partition("[")[2].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line]
    asked = subprocess.run(
        ["nm", "-D", "--undefined-only", bindings], check=True, capture_output=True, text=True
    ).stdout
    symbols = [line.split()[-1] for line in asked.splitlines()]
    ours = [name for name in symbols if "@" not in name and not name.startswith(("Py", "_Py", "_Z", "__", "_ITM"))]
    source = folder / "empty.c"
    source.write_text("".join(f"void* {name}(void) {{ return 0; }}\n" for name in ours))
    for library in needed:
        if library.startswith("libnv"):
            built = folder / library
            command = ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{library}", "-o", built, source]
            subprocess.run(command, check=True, capture_output=True)


def main() -> int:
    """Record, or check what was recorded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="record nothing; fail where the record is another")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = record(Path(folder))
    if arguments.check:
        return 0 if found == json.loads(RECORD.read_text()) else 1
    versions = ",\n".join(
        f' "{version}": {{\n'
        + ",\n".join(f'  "{name}": {json.dumps(members)}' for name, members in names.items())
        + "\n }"
        for version, names in found.items()
    )
    RECORD.write_text(f"{{\n{versions}\n}}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
