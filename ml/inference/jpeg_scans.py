"""How a JPEG is laid out, from its markers alone: what decoding it costs depends on that more than on its size.

A picture whose components come one after the other, or little by little, is held whole as coefficients while it is
decoded; a file of a few megabytes can order a hundred thousand passes over all of them, or consist of ten million comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

# In the data of a scan an FF is followed by 00, by a restart marker or by another FF; anything else ends the scan.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
START_OF_SCAN, END = 0xDA, 0xD9

# Cameras and editors write about ten passes and twenty segments. Panoramas, depth maps and editing histories in XMP come in
# segments of 64 kB, a few megabytes in all.
MOST_SCANS = 100
_MOST_SEGMENTS = 1_000
_MOST_METADATA = 16_000_000
# Bytes that belong to nothing: readers go through them one by one, and some again and again.
_MOST_FILLING = 65_536
_FILLING_IN_SCAN = b"\xff" * 4096


@dataclass(frozen=True)
class Layout:
    """``buffered``: the whole picture is held as coefficients. ``scans``: passes over it. ``excess``: a sentence for the
    sender where there is more of something than is read, else empty; reading stopped there.
    """

    buffered: bool
    scans: int
    excess: str = ""


_MUCH_METADATA = "The photo carries more comments and other additions than are read."
_MANY_SCANS = f"The photo is stored in more than {MOST_SCANS} passes."


def layout(content: bytes) -> Layout:
    """Read the markers of the first picture in ``content``; damage ends the reading, and is for the decoder to find."""
    end, scans, metadata, filling, components, buffered = 2, 0, 0, 0, 0, False
    for number, segment in enumerate(segments(content)):
        if scans == 0:
            filling += segment.start - end
        metadata += segment.length
        gap_is_filled = scans > 0 and content.find(_FILLING_IN_SCAN, end, segment.start) >= 0
        if number > _MOST_SEGMENTS or metadata > _MOST_METADATA or filling > _MOST_FILLING or gap_is_filled:
            return Layout(buffered, scans, _MUCH_METADATA)
        at, end = segment.body, segment.body + segment.length
        if segment.marker in FRAMES and segment.length >= 8:
            components = content[at + 7] if at + 7 < len(content) else 0
            buffered = buffered or segment.marker not in {0xC0, 0xC1, 0xC9}
        if segment.marker == START_OF_SCAN:
            scans += 1
            in_scan = content[at + 2] if at + 2 < len(content) else 0
            buffered = buffered or in_scan < components
            if scans > MOST_SCANS:
                return Layout(buffered, scans, _MANY_SCANS)
            if not buffered and content.find(_FILLING_IN_SCAN, at) < 0:
                break
    return Layout(buffered, scans)


class Segment(NamedTuple):
    """``start``: where its marker is. ``body``: where its two bytes of length are. ``length``: those two included."""

    marker: int
    start: int
    body: int
    length: int


def segments(content: bytes) -> Iterator[Segment]:
    """The segments of the first picture in ``content``. The last one is END, or, with marker 0, where ``content`` ends."""
    at = 2
    while found := _NEXT_MARKER.search(content, at):
        marker, body = content[found.end() - 1], found.end()
        if marker == END:
            yield Segment(END, found.start(), body, 0)
            return
        length = int.from_bytes(content[body : body + 2], "big")
        yield Segment(marker, found.start(), body, length)
        at = body + length
    yield Segment(0, max(at, len(content)), len(content), 0)
