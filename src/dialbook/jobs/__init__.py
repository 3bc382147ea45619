"""Work that goes on after its request was answered, in a process of its own: `python -m dialbook.jobs`."""
