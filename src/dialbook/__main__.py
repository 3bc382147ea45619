"""`python -m dialbook`: the command line."""

from dialbook.cli import main

main()
