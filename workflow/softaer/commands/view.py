"""Serves the report, or predictions, and the media of its recordings to a browser on this machine.

The traces show the picture at the cursor and play the recording. Nothing leaves the machine.
"""

import argparse
import signal
import tempfile
import webbrowser
from pathlib import Path

from softaer.core import cli
from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.core.fields import read
from softaer.viewing.at_hand import pages, that_can_be_served, told
from softaer.viewing.server import PORT, Server
from softaer.viewing.showing import Films


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the folder, where media may be, and the port."""
    cli.add_directory(arguments, "folder of a run, of its results, or of predictions")
    arguments.add_argument(
        "--media",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="where to look for media, by their names, that are not at their paths; repeatable",
    )
    arguments.add_argument("--port", type=int, help=f"to listen on; default: {PORT} if it is free")
    arguments.add_argument(
        "--no-browser", action="store_true", help="only print the address, do not open it"
    )


def main(options: argparse.Namespace) -> None:
    """Serve the folder named on the command line, until Ctrl-C."""
    for folder in options.media:
        if not folder.is_dir():
            raise InputError(f"--media {folder}: no such folder")
    found, config = pages(options.directory, options.media)
    found, refused = that_can_be_served(found)
    for name, page in found.items():
        print("\n".join(told(name, page)))
    for reason in refused:
        print(f"not served: {reason}")
    limits = read(Media, config["media"]) if config.get("media") else Media()
    with tempfile.TemporaryDirectory(prefix="softaer-view-") as folder:
        films = Films(Path(folder), limits)
        with _server(found, films, options.port, limits) as server:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            try:
                for name in found:
                    print(server.address(name), flush=True)
                print("Ctrl-C ends it", flush=True)
                if not options.no_browser:
                    webbrowser.open(server.address(next(iter(found))))
                server.serve_forever()
            except KeyboardInterrupt:
                print("ended")


def _server(found: dict, films: Films, port: int | None, limits: Media) -> Server:
    if port is not None:
        return Server(found, films, port, limits)
    try:
        return Server(found, films, PORT, limits)
    except InputError:
        return Server(found, films, 0, limits)  # another one is at work
