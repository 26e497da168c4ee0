"""What a wheel carries beside the package: workflow, configuration, environments, profiles."""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BESIDE = (
    *("Snakefile", "config.yaml", "PAPER.yaml", "QUICK.yaml"),
    *("workflow/*", "envs", "profiles"),
)
"""Files and folders of the project; the package itself is not taken twice."""


class Project(BuildHookInterface):
    """Puts them where ``softaer.core.home`` looks for them."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Add them to a wheel; an editable installation has the checkout."""
        if version == "editable":
            return
        root = Path(self.root)
        for path in sorted(path for pattern in BESIDE for path in root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            if name != "workflow/softaer":
                build_data["force_include"][name] = f"softaer/_project/{name}"
