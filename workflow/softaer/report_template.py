"""Where the template and the script of the report lie."""

from pathlib import Path

TEMPLATE = Path(__file__).parents[1] / "report" / "report.html.j2"
SCRIPT = TEMPLATE.with_name("explorer.js")
