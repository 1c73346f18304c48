"""The project's own targets for speed and memory, each measured by one command: `python -m edgeenh_bench.targets NAME`.

Ratios are measured in one run, alternating, so that the machine of the day matters little. Each target writes a dated JSON
with the environment it was measured in, and ends with exit code 3 when a figure misses its limit.
"""

from __future__ import annotations

TARGETS = {
    "latency": "variant n at 1280x720 on two CPU cores: p50 of the best CPU backend",
    "seed-ratio": "how many times faster variant n is than variant seed, same size, same backend",
    "stream-ratio": "throughput of streaming a clip, as a share of a bare session in a loop on the same frames",
    "containment-ratio": "what a worker process adds to a frame of 1920x1080, and how soon frames go on after it is killed",
    "train-ratio": "pictures per second of training n, against UEGAN; and how long n waits for data",
    "startup": "time of `edgeenh --help` and of `import edgeenh`, whole processes",
    "cold-start": "from the start of a process to its first enhanced frame of 1280x720, per CPU backend",
    "verify-load": "time to verify a signed bundle and load it, in the process and as a whole command",
    "export-time": "time of `edgeenh export --fp16` with gate and plan, whole process",
    "export-again": "time of the whole export, and of doing it again with nothing changed, whole processes",
    "int8-speed": "decibels and speed of INT8 against FP32, in turn in one run: the bundle, and variant seed",
    "fp16-precision": "how near FP16 is to FP32 at 720p, 1080p and 2160p, on the golden frames scaled up",
    "install-size": "size of a fresh environment with edgeenh[cpu]",
    "shutdown": "SIGTERM and SIGINT in every state of a run: seconds to its end, exit code, report, what is left",
    "worker-kills": "100 kills of the worker while frames come at 25 per second: frames lost, times until they go on",
    "camera-kills": "100 kills of a GigE Vision camera (Aravis' fake one on the loopback): recovered, times, what is left",
    "soak-paced": "one hour of 720p at camera pace: accounting, memory, open files, threads",
    "soak-fast": "1,000,000 small frames at full speed: accounting, memory, open files, threads",
    "service-roundtrip": "a 720p PNG to the service and back, against codec and inference alone",
    "service-overload": "the service asked for four times what it can do: answers, and memory of the station",
    "page-latency": "the station's page: first paint, what it adds to a frame's age, the enhancer's p99 with two browsers",
    "ray-ratio": "bulk enhancement by two workers of a Ray cluster on this machine, against one",
    "run-memory": "memory of `edgeenh run` on 1920x1080, the whole process tree, per CPU backend",
    "memory-growth": "growth of resident memory while streaming, after the first 300 frames",
}
"""Name of each target, which is that of its module, and what it measures."""
