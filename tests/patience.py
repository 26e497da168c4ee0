"""How long tests wait before they report that something hangs.

The limits are far above what a slow or busy machine needs. ``SOFTAER_PATIENCE`` multiplies them.
"""

import os

FACTOR = float(os.environ.get("SOFTAER_PATIENCE", "1"))

HANGS = 3600.0 * FACTOR
"""For a whole run, and for anything that waits for one [s]."""

SILENT = 600.0 * FACTOR
"""For what takes moments: a command of a scheduler, a line of another process [s]."""
