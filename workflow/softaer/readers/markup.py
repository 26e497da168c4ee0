"""XML of annotation tools, read without entities: a small file cannot become a large one."""

import re
from pathlib import Path
from xml.etree import ElementTree

from softaer.core.errors import InputError
from softaer.readers.cells import read_bytes

DECLARED = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
"""What no file of a tool needs: entities that stand for other text or other files."""


def parse(path: Path) -> ElementTree.Element:
    """Root of an XML file.

    Raises
    ------
    InputError
        If it does not exist, is not XML, or declares a document type or entities; names the line.
    """
    data = read_bytes(path)
    # In UTF-16 every other byte is zero.
    if found := DECLARED.search(data.replace(b"\0", b"")):
        raise InputError(
            f"{path}: found {found[0].decode()!r}; expected XML without a document type or entities"
        )
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise InputError(f"{path}, line {line}: cannot be read as XML: {error}") from None
    except (ValueError, LookupError) as error:
        raise InputError(f"{path}: cannot be read as XML: {error}") from None
