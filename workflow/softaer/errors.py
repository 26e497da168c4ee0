"""Errors that a person can mend: which file, recording or key, what was found, what was expected."""


class InputError(Exception):
    """Input that the user has to change; printed without a traceback by the command lines."""
