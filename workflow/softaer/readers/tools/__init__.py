"""Readers of ratings, one module for each form in which tools write them.

A reader is a module, or a class or object with the same names:

``recognises(head)``
    Whether a file is of this form, from its beginning (:class:`softaer.readers.cells.Head`).
``read(request)``
    The traces of a file: takes a :class:`softaer.readers.traces.Request`, returns
    :class:`softaer.readers.traces.Traces`. Errors name file and line.

The first line of its docstring describes the form in lists. :mod:`softaer.readers.forms` has the
registry.
"""
