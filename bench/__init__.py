"""Dialbook measured against the best that its machine can do: `python -m bench`."""
