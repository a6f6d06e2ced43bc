"""E-mail addresses of accounts, as people type them."""

from email_validator import EmailNotValidError, validate_email

from app.accounts.tables import normal_email
from app.core.errors import FieldError, InvalidInput


def checked_email(text: str, field: str = "email") -> str:
    """The address as it is kept. Raises InvalidInput."""
    if not text.strip():
        raise InvalidInput([FieldError(field, "email_missing")])
    try:
        return normal_email(validate_email(text.strip(), check_deliverability=False).normalized)
    except EmailNotValidError:
        raise InvalidInput([FieldError(field, "email_invalid")]) from None
