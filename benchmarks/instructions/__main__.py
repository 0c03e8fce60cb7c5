"""``python -m benchmarks.instructions``."""

from __future__ import annotations

import sys

from benchmarks.instructions.cli import main

sys.exit(main())
