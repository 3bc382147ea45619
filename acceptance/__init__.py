"""What Dialbook promises, held against faults and load: `python -m acceptance`. Read checks.py first."""
