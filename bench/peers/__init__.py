"""What others would use instead, each on the same SQLite file, without credentials and without a log.

Each is a program that is given the file and the list, and prints its address: `python -m bench.peers.naive FILE LIST`.
"""
