"""The base of every error whose message is meant for the person at the command line."""


class UserError(Exception):
    """Something that a person can put right; the message says what and how."""
