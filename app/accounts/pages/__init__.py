"""Pages for users and their accounts."""
