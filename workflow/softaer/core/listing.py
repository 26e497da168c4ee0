"""Lists in messages: the first few items, and the number of the others."""

from collections.abc import Iterable


def first_few(items: Iterable[str], most: int = 3) -> str:
    """Some items for a message.

    Examples
    --------
    >>> first_few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    >>> first_few(["a", "b"])
    'a, b'
    """
    items = list(items)
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
