"""Text of strangers in tables: what a spreadsheet would take for a formula."""

import re

# White space, and what is not seen: control characters, soft hyphens, zero-width and direction marks.
_UNSEEN = (
    r"[\s\x00-\x1f\x7f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]*"
)
_BEGINS = re.compile(_UNSEEN + "[=+@＝＋－＠-]")
# Where semicolons separate columns, one begins a new cell.
_BEGINS_INSIDE = re.compile(f";(?={_UNSEEN}[=+@＝＋－＠-])")


def as_text(value: str) -> str:
    """The text, quoted if a spreadsheet would evaluate it."""
    value = _BEGINS_INSIDE.sub(",", value)
    return f"'{value}" if _BEGINS.match(value) else value
