"""Keeping an installation well: backup, restore, doctor, retention, readiness, moving the database."""
