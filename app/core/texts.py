"""Text as people sent it, in one form, whichever browser or program it came from."""

import unicodedata
from typing import Any

from pydantic import BeforeValidator


def one_form(text: str) -> str:
    """NFC, without zero bytes, and with a line end as one character: browsers send two, which nobody has typed."""
    text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text)


def _text_in_one_form(value: Any) -> Any:
    return one_form(value) if isinstance(value, str) else value


# Stands behind the limit in an annotation, so that it comes before it.
OneForm = BeforeValidator(_text_in_one_form)
