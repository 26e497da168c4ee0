"""Where the template of the report lies."""

from pathlib import Path

TEMPLATE = Path(__file__).parents[1] / "report" / "report.html.j2"
