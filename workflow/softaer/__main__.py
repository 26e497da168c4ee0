"""Work on a corpus table before the workflow runs.

softaer init FOLDER             make recordings.csv
softaer check recordings.csv    look at all that it names
softaer batch recordings.csv    put recordings together into jobs
"""

import argparse

from softaer.core import cli
from softaer.prepare import batch, check, init

COMMANDS = {"init": init, "check": check, "batch": batch}


def main() -> None:
    """Run the command that is named first."""
    parser = argparse.ArgumentParser(prog="softaer", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = module.__doc__.partition("\n")[0].replace("``", "")
        command = commands.add_parser(
            name,
            help=summary,
            description=summary,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(main=module.main)
    options = parser.parse_args()
    options.main(options)


if __name__ == "__main__":
    cli.run(main)
