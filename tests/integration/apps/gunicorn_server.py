"""gunicorn, with the arguments it is given."""

from __future__ import annotations

import sys

from gunicorn.app.wsgiapp import run

sys.argv[0] = "gunicorn"
run()
