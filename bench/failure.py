"""The one error of a measurement."""


class Failure(Exception):
    """A figure would mean nothing: an answer was no success, a connection broke, or a program did not start."""
