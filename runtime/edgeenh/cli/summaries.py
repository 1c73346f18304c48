"""The commands and the first line of each one's help, in the order of the help: the way of the data, then the tools.

They stand here so that `edgeenh --help` imports no command; a test compares them with what the commands say themselves.
"""

from __future__ import annotations

SUMMARIES = {
    "dataset": "Make data sets: split by subject, degrade by a camera model, FiveK.",
    "train": "Train an enhancer on pictures: unpaired, paired, or with a camera model.",
    "evaluate": "Measure how good enhanced pictures are: a table per set of pictures.",
    "fidelity": "Measure whether an enhancement leaves clinical content alone.",
    "export": "Turn a model into a bundle: ONNX in FP32 and FP16, judged by the gate, with a TensorRT plan where possible.",
    "run": "Stream frames from SOURCE through a model, and account for every one of them.",
    "station": "Serve a page and an HTTP service for the streams that a file names.",
    "enhance": "Enhance pictures and DICOM objects, and write each under its own name into a folder.",
    "bench": "Compare every backend and precision on the same real frames: latency, drift, memory.",
    "inspect": "Show what a bundle holds: the model, its graphs, golden frames, engines, signature, and how the gate judged it.",
    "verify": "Check every byte of a bundle: its form, manifest, signature, members, graphs, and that its golden frames decode.",
    "sign": "Check a bundle and sign it: the member manifest.sig is added or replaced, every other byte stays.",
    "keygen": "Make an Ed25519 key pair in PEM form: KEY (mode 0600, keep it off the stations) and KEY.pub (for the stations).",
    "evidence": "Collect evidence about this station in one ZIP: software (CycloneDX bill of materials, SOUP list), the bundle's "
    "manifest, gate table and signature, results of runs (--results), configuration, the chained events and their check, "
    "an assurance case and a threat model.",
    "cache": "List what the station's cache holds, say why each entry was made (which field changed), or remove all entries.",
    "doctor": "Say what is installed, which backends can be used on this machine, why not the others, and what to do about it.",
}
"""Name → first line of the help."""
