"""Use cases, one file each. They take a session, or a factory of sessions, and never know about HTTP."""
