"""A submission as data: its form, tables, statuses and photos."""
