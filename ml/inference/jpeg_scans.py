"""How a JPEG is laid out, from its markers alone: what decoding it costs depends on that more than on its size.

A picture whose components come one after the other, or little by little, is held whole as coefficients while it is
decoded; and a file of a few megabytes can order a hundred thousand passes over all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# In the data of a scan an FF is followed by 00, by a restart marker or by another FF; anything else ends the scan.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END = 0xDA, 0xD9


@dataclass(frozen=True)
class Layout:
    """``buffered``: the whole picture is held as coefficients. ``scans``: passes over it, counted up to the limit asked for."""

    buffered: bool
    scans: int


def layout(content: bytes, most_scans: int) -> Layout:
    """Read the markers of the first picture in ``content``; damage ends the reading, and is for the decoder to find."""
    at, scans, components, buffered = 2, 0, 0, False
    while scans <= most_scans and (found := _NEXT_MARKER.search(content, at)):
        marker, at = content[found.end() - 1], found.end()
        if marker == _END:
            break
        length = int.from_bytes(content[at : at + 2], "big")
        if marker in _FRAMES and length >= 8:
            components = content[at + 7] if at + 7 < len(content) else 0
            buffered = buffered or marker not in {0xC0, 0xC1, 0xC9}
        if marker == _START_OF_SCAN:
            scans += 1
            in_scan = content[at + 2] if at + 2 < len(content) else 0
            buffered = buffered or in_scan < components
            if not buffered:
                break
        at += length
    return Layout(buffered, scans)
