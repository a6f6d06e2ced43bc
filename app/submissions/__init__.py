"""A submission as data: its tables, statuses, photos, and what pages show of it."""
