"""Changes bytes in real files of every format and decodes them: `python -m tests.hostile.decoding COUNT SEED`.

A process of its own, because a bug in a decoder's C code would end it. Whatever is not a picture or a PhotoError is
printed with what makes it again, and the exit code is 1.
"""

import random
import sys
import time

from PIL import Image

from ml.inference import PhotoError, open_photo
from tests.factories import butterfly, encode, exif_photo, photo
from tests.ml import icc

LONGEST_SECONDS = 20


def originals() -> dict[str, bytes]:
    """One small file of each kind of encoding."""
    small = (80, 60)
    return {
        "JPEG": exif_photo(1),
        "progressive JPEG": encode(butterfly(1, small), progressive=True),
        "CMYK JPEG": encode(butterfly(1, small).convert("CMYK")),
        "MPO": photo(1, "MPO", save_all=True, append_images=[butterfly(2, small)]),
        "PNG": encode(butterfly(1, small), "PNG"),
        "interlaced palette PNG": encode(butterfly(1, small).convert("P"), "PNG", transparency=0),
        "animated PNG": encode(butterfly(1, small), "PNG", save_all=True, append_images=[butterfly(2, small)]),
        "WebP": encode(butterfly(1, small), "WEBP"),
        "lossless WebP": encode(butterfly(1, small).convert("RGBA"), "WEBP", lossless=True),
        "animated WebP": encode(butterfly(1, small), "WEBP", save_all=True, append_images=[butterfly(2, small)]),
        "HEIC": encode(butterfly(1, small), "HEIF"),
        "JPEG in Display P3": encode(butterfly(1, small), icc_profile=icc.matrix_profile(icc.SPACES["Display P3"])),
        "WebP with a table of colours": encode(butterfly(1, small), "WEBP", icc_profile=icc.table_profile(icc.SRGB)),
        "colour profile alone": encode(Image.new("RGB", (1, 1)), "WEBP", icc_profile=icc.table_profile(icc.SRGB)),
        "JPEG without its end marker": encode(butterfly(1, small), progressive=True)[:-2],
    }


def changed(content: bytes, luck: random.Random) -> bytes:
    """A few bytes flipped, a piece cut out, doubled or overwritten; the header more often than chance would."""
    data = bytearray(content)
    for _ in range(luck.choice((1, 1, 2, 4, 16))):
        at = luck.randrange(min(len(data), 200)) if luck.random() < 0.5 else luck.randrange(len(data))
        length = luck.choice((1, 2, 4, 32))
        match luck.randrange(5):
            case 0:
                data[at] ^= 1 << luck.randrange(8)
            case 1:
                data[at : at + length] = luck.choice((b"\xff", b"\0", b"\x7f")) * length
            case 2:
                data[at : at + length] = luck.randbytes(length)
            case 3:
                data[at:at] = data[at : at + length]
            case _:
                del data[at : at + length]
        if not data:
            return b""
    return bytes(data)


def fault(content: bytes) -> str | None:
    """What is wrong with how `content` is decoded; None where it is a picture or refused."""
    begun = time.monotonic()
    try:
        image, info = open_photo(content, max_side=64)
        if image.mode != "RGB" or max(image.size) > 64 or min(info.width, info.height) < 1:
            return f"an odd picture: {image!r} {info}"
    except PhotoError as error:
        if error.kind not in {"unsupported", "undecodable", "too_large"}:
            return f"an odd refusal: {error.kind}"
    except BaseException as error:
        return repr(error)
    seconds = time.monotonic() - begun
    return f"{seconds:.0f} s" if seconds > LONGEST_SECONDS else None


def run(count: int, seed: int) -> int:
    """The number of faults in `count` changed files of each kind."""
    faults = 0
    for name, content in originals().items():
        for number in range(count):
            found = fault(changed(content, random.Random(f"{seed} {name} {number}")))
            if found:
                faults += 1
                print(f"seed {seed}, {name}, number {number}: {found}", flush=True)
        print(f"{name}: {count} changed files", flush=True)
    return faults


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), int(sys.argv[2])) > 0)
