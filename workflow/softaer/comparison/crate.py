"""Description of an archive as an RO-Crate, which repositories and other tools understand.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) is a file of JSON-LD with terms of schema.org.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

METADATA = "ro-crate-metadata.json"

CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://schema.org/sha256"}]

FORMATS = {
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".py": "text/x-python",
    ".yaml": "application/yaml",
}

UNKNOWN_LICENCE = {
    "@id": "#licence",
    "@type": "CreativeWork",
    "name": "No licence given",
    "description": "Ask the authors before you use or pass on this archive.",
}


def crate(
    name: str,
    record: Mapping[str, Any],
    contents: Mapping[str, bytes],
    tables: Sequence[str],
    day: str,
    licence: str | None = None,
) -> bytes:
    """The description of an archive.

    Parameters
    ----------
    name
        Of the run.
    record
        Content of its ``experiment.yaml``.
    contents
        Content of each file of the archive, by its name.
    tables
        Names of those that are results.
    day
        When the run ended, as ``YYYY-MM-DD``.
    licence
        Address or name of a licence.

    Returns
    -------
    JSON-LD.
    """
    terms = UNKNOWN_LICENCE
    if licence is not None:
        address = licence if licence.startswith(("http://", "https://")) else "#licence"
        terms = {"@id": address, "@type": "CreativeWork", "name": licence}
    packages = [
        {"@id": f"#{package}", "@type": "SoftwareApplication", "name": package, "version": version}
        for package, version in record.get("packages", {}).items()
    ]
    files = [_file(path, content) for path, content in contents.items()]
    others = [path for path in contents if path not in tables]
    graph = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": name,
            "description": "Settings, tables and digests of a finished run of softaer, "
            "without media.",
            "datePublished": day,
            "license": {"@id": terms["@id"]},
            "hasPart": _links(contents),
            "mentions": {"@id": "#run"},
        },
        terms,
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": f"The run {name}",
            "description": record.get("command", "softaer"),
            "endTime": day,
            "instrument": {"@id": "#softaer"},
            "object": _links(others),
            "result": _links(tables),
        },
        {
            "@id": "#softaer",
            "@type": "SoftwareApplication",
            "name": "softaer",
            "version": record["softaer"],
            **({"identifier": record["commit"]} if record["commit"] else {}),
            "softwareRequirements": [{"@id": package["@id"]} for package in packages],
        },
        *packages,
        *files,
    ]
    whole = {"@context": CONTEXT, "@graph": graph}
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()


def _file(path: str, content: bytes) -> dict[str, Any]:
    form = FORMATS.get(f".{path.rpartition('.')[2]}")
    return {
        "@id": quote(path),
        "@type": "File",
        "name": path.rpartition("/")[2],
        **({"encodingFormat": form} if form else {}),
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _links(paths: Mapping[str, bytes] | Sequence[str]) -> list[dict[str, str]]:
    return [{"@id": quote(path)} for path in paths]
