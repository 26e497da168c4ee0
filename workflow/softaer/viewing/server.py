"""The server: pages of a run and media of their recordings, for browsers on this machine only.

It listens on 127.0.0.1. A request names a page or a recording, never a file, so that nothing else
can be reached. Requests for another host, as a foreign page could cause by rebinding a name (DNS
rebinding), and requests from foreign pages are refused.
"""

import errno
import http.server
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.corpus import Recording
from softaer.page.template import ALONE, NO_MEDIA, in_page
from softaer.signals.media import DEFAULT_LIMITS
from softaer.viewing.showing import Films, about, frame

ADDRESS = "127.0.0.1"
"""The only address that is listened on."""

PORT = 8642
"""Preferred port; links to moments stay valid as long as it is the same."""

SERVED = (
    str(ALONE).replace("img-src data: blob:", "img-src 'self' data: blob:")
    + "; media-src 'self'; connect-src 'self'"
)
"""Policy of a page that is served: it asks only this server."""

PIECE = 1 << 20
"""Bytes that are read at once."""


@dataclass(frozen=True)
class Page:
    """A page, and the recordings that it shows.

    Attributes
    ----------
    path
        HTML file with an explorer.
    recordings
        Recordings whose media are at hand, by name.
    absent
        Why the others' are not, by name.
    """

    path: Path
    recordings: Mapping[str, Recording] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The page with the policy and the list of media for the server.

        Raises
        ------
        InputError
            If it has no explorer that shows media.
        """
        text = self.path.read_text(encoding="utf-8")
        for expected in (ALONE, NO_MEDIA):
            if str(expected) not in text:
                raise InputError(
                    f"{self.path}: has no explorer with media; expected a page of this version, "
                    "with the section 'traces'"
                )
        media = {"page": name, "here": sorted(self.recordings), "absent": dict(self.absent)}
        filled = str(NO_MEDIA).replace("null", in_page(media))
        return text.replace(str(ALONE), SERVED, 1).replace(str(NO_MEDIA), filled, 1)


def byte_range(text: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte that are asked for.

    Parameters
    ----------
    text
        The header ``Range``. Several ranges, other units and words that are none are ignored, as
        RFC 9110 allows.
    size
        Of the file.

    Returns
    -------
    ``None``: the whole file.

    Raises
    ------
    ValueError
        If no byte of the file is in the range.

    Examples
    --------
    >>> byte_range("bytes=2-", 10), byte_range("bytes=2-4", 10), byte_range("bytes=-3", 10)
    ((2, 9), (2, 4), (7, 9))
    """
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", (text or "").strip())
    if asked is None or not any(asked.groups()):
        return None
    first, last = asked.groups()
    if not first:
        start, end = max(size - int(last), 0), size - 1
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
        if last and int(last) < start:
            return None
    if start > end:
        raise ValueError(f"no byte of {size} in {text}")
    return start, end


class Server(http.server.ThreadingHTTPServer):
    """Serves pages and media until it is stopped.

    Parameters
    ----------
    pages
        By their names in the address.
    films
        Makes what a browser cannot play as it is.
    port
        To listen on; 0: any free one.
    limits
        Of media files.

    Raises
    ------
    InputError
        If the port is in use.
    """

    daemon_threads = True

    def __init__(
        self,
        pages: Mapping[str, Page],
        films: Films,
        port: int = PORT,
        limits: Media = DEFAULT_LIMITS,
    ) -> None:
        self.pages, self.films, self.limits = pages, films, limits
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise InputError(f"--port {port}: {error.strerror}; expected a free port") from error
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    def address(self, page: str) -> str:
        """Of a page."""
        return f"http://{ADDRESS}:{self.server_port}/{page}.html"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one browser."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answer a request, or say why not."""
        try:
            self._answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # a browser stops reading when it seeks

    def do_HEAD(self) -> None:
        """Answer with the head alone."""
        self.do_GET()

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing about single requests."""

    def _answer(self) -> None:
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "served for this machine only")
            return
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            self._refuse(HTTPStatus.FORBIDDEN, "not for other pages")
            return
        asked = urlsplit(self.path)
        parts = [unquote(part) for part in asked.path.split("/")[1:]]
        if parts == [""]:
            self._redirect()
        elif parts == ["favicon.ico"]:
            self._send(b"", "image/x-icon", HTTPStatus.NO_CONTENT)
        elif len(parts) == 1 and parts[0].removesuffix(".html") in self.server.pages:
            name = parts[0].removesuffix(".html")
            try:
                text = self.server.pages[name].text(name)
            except (InputError, OSError) as error:
                self._refuse(HTTPStatus.NOT_FOUND, str(error))
                return
            policy = {"Content-Security-Policy": f"{SERVED}; frame-ancestors 'none'"}
            self._send(text.encode(), "text/html; charset=utf-8", headers=policy)
        elif len(parts) == 3 and parts[0] in self.server.pages:
            recording = self.server.pages[parts[0]].recordings.get(parts[2])
            if recording is None:
                self._refuse(HTTPStatus.NOT_FOUND, f"no media of {parts[2]!r}")
                return
            try:
                self._of_recording(parts[1], recording, parse_qs(asked.query))
            except InputError as error:
                self._refuse(HTTPStatus.NOT_FOUND, str(error))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    def _of_recording(
        self, what: str, recording: Recording, query: Mapping[str, list[str]]
    ) -> None:
        limits = self.server.limits
        if what == "about":
            found = about(recording, limits)
            told = {"pictures": found.pictures, "sound": found.sound, "plays": bool(found.plays)}
            self._send(json.dumps(told).encode(), "application/json")
        elif what == "frame":
            try:
                time = float(query.get("t", ["0"])[0])
            except ValueError:
                raise InputError(f"t={query['t'][0]}: expected seconds") from None
            self._send(frame(recording, time, limits), "image/jpeg")
        elif what == "media":
            kind = about(recording, limits).plays
            if kind is None:
                raise InputError(f"{recording.recording}: a browser cannot play its file")
            self._send_file(Path(recording.video or recording.given("audio")), kind)
        elif what == "film":
            self._send_file(*self.server.films.get(recording))
        else:
            raise InputError(f"{what}: expected about, frame, media or film")

    def _send_file(self, path: Path, kind: str) -> None:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            try:
                some = byte_range(self.headers.get("Range"), size)
            except ValueError as error:
                self._refuse(
                    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                    str(error),
                    {"Content-Range": f"bytes */{size}"},
                )
                return
            first, last = (0, size - 1) if some is None else some
            headers = {"Accept-Ranges": "bytes"}
            if some is not None:
                headers["Content-Range"] = f"bytes {first}-{last}/{size}"
            status = HTTPStatus.OK if some is None else HTTPStatus.PARTIAL_CONTENT
            self._begin(status, kind, last - first + 1, headers)
            if self.command == "GET":
                self._copy(file, first, last - first + 1)

    def _copy(self, file: BinaryIO, start: int, length: int) -> None:
        file.seek(start)
        while length > 0 and (piece := file.read(min(PIECE, length))):
            self.wfile.write(piece)
            length -= len(piece)

    def _redirect(self) -> None:
        place = {"Location": f"/{next(iter(self.server.pages))}.html"}
        self._send(b"", "text/plain", HTTPStatus.FOUND, place)

    def _refuse(
        self, status: HTTPStatus, why: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self._send(why.encode(), "text/plain; charset=utf-8", status, headers)

    def _send(
        self,
        content: bytes,
        kind: str,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._begin(status, kind, len(content), headers or {})
        if self.command == "GET" and status is not HTTPStatus.NO_CONTENT:
            self.wfile.write(content)

    def _begin(
        self, status: HTTPStatus, kind: str, length: int, headers: Mapping[str, str]
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(length))
        # Other pages learn nothing, and nothing stays in the browser's cache.
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
