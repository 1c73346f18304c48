"""`python -m edgeenh.cli`: the command line without an installed script."""

from __future__ import annotations

import sys

from edgeenh.cli import main

sys.exit(main())
