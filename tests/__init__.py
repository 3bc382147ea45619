"""What Dialbook promises, tried from outside."""
