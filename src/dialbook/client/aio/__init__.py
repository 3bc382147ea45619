"""The asynchronous client. `dialbook.client.sync` is built from these files by tools/build_sync_client.py."""
