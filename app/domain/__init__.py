"""Rules in plain Python: no database, no web, no files."""
