"""Pages for admins: people, API keys, the audit log."""
