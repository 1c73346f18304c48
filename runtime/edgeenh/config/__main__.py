"""`python -m edgeenh.config` prints docs/station-config.md."""

from __future__ import annotations

import sys

from edgeenh.config.shown import reference

INTRODUCTION = """\
# The station's file

`edgeenh run --config station.toml` reads what a station is from one file. Options of the command line go before it;
`--dry-run` prints everything that holds, and where each value came from, and runs nothing.

```toml
[model]
bundle = "/srv/edgeenh/dental-n.edgeenh"
public_key = "/etc/edgeenh/station.pub"
watch = true                                # go on with a newer bundle when the file is replaced

[stream]
mode = "live"
max_age_ms = 250

[[source]]
spec = "camera:0?format=mjpeg&size=1280x720&fps=30"

[[sink]]
spec = "shm:edgeenh"                        # a C++ or C# application reads it, see docs/sinks.md

[[sink]]
spec = "preview:127.0.0.1:8080"

[monitoring]
http = "127.0.0.1:9464"                     # /live, /ready, /metrics
events = "/var/log/edgeenh/events.jsonl"
```

A table or key that is not known is refused with the nearest name, a value of another type or outside its range with
what was expected; both with the line. Names carry their units (`max_age_ms`). Paths are relative to the folder that the
command is started in, as on the command line. One file serves every command of a station: a command checks all tables
and uses those that concern it.

This page is made by `python -m edgeenh.config` from the classes that read the file.

"""

if __name__ == "__main__":
    sys.stdout.write(INTRODUCTION + reference())
