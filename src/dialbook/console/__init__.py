"""The web console: pages for the people who own the lists, drawn on the server."""
