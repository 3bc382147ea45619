"""Dialbook: an organisation's contacts, and the lists it calls and messages from."""

__version__ = "0.1.0"
