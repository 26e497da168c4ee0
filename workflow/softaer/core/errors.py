"""Errors for the user: the file, recording or key, the value found and the values expected."""


class InputError(Exception):
    """Invalid input that the user must change; command lines print it without a traceback."""


class MissingPackageError(InputError):
    """A package is not installed that every recording needs."""
