"""How many chunks a PNG has: its reader takes them one by one, and a file of 40 MB can have three million."""

from __future__ import annotations

# Encoders write pixels in chunks of 8 kB or more, and a dozen others.
_MOST_CHUNKS = 20_000


def excess(content: bytes) -> str:
    """A sentence for the sender where there are more chunks than are read, else empty."""
    at, chunks = 8, 0
    while at + 8 <= len(content) and content[at + 4 : at + 8] != b"IEND":
        at += 12 + int.from_bytes(content[at : at + 4], "big")
        chunks += 1
        if chunks > _MOST_CHUNKS:
            return f"The photo is stored in more than {_MOST_CHUNKS:,} pieces."
    return ""
