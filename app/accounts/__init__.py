"""Users, roles, sessions, invitations, API keys, and the audit log."""
