# Built by tools/build_sync_client.py from src/dialbook/client/aio/__init__.py: change it there.
"""The synchronous client."""
