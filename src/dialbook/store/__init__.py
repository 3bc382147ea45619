"""Where things are kept. One function is one operation is one transaction; SQL in the dialect both engines share."""
