"""Errors whose message is meant for a person."""


class UserError(Exception):
    """Something that a person can put right; the message says what and how."""


class ModelVersionError(UserError):
    """A model version that can't be served; the message is a plain sentence for the admin who registers it."""


class UnsafeModel(ModelVersionError):
    """A model that is not loaded because of what it holds; the message names it."""
