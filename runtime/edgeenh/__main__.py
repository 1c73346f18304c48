"""`python -m edgeenh`: the command line without an installed script, as `torchrun -m edgeenh train …` starts it."""

from __future__ import annotations

import sys

from edgeenh.cli import main

sys.exit(main())
