"""Errors for a person to mend: which file, recording or key, what was found and expected."""


class InputError(Exception):
    """Input that the user has to change; printed without a traceback by the command lines."""


class MissingPackageError(InputError):
    """A package that is not installed; whatever the recording, it has to be."""
