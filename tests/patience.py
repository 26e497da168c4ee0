"""How long tests wait before they say that something hangs.

No limit tells a slow machine from a fast one. ``SOFTAER_PATIENCE`` multiplies all of them.
"""

import os

FACTOR = float(os.environ.get("SOFTAER_PATIENCE", "1"))

HANGS = 3600.0 * FACTOR
"""For a whole run, and for whatever waits for one [s]."""

SILENT = 600.0 * FACTOR
"""For what takes moments: a command of a scheduler, a line of another process [s]."""
