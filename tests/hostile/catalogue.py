"""Every kind of file that a stranger may send, with the status that it gets. `docs/hostile-files.md` is this table."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.factories import butterfly, encode, exif_photo, photo
from tests.hostile import files
from tests.ml import icc

READ = (200, 201)
TOO_LARGE = (413, 422)
UNSUPPORTED = (415, 422)
DAMAGED = (422, 422)


@dataclass(frozen=True)
class Case:
    """A kind of file. ``expected``: status from ``/predict``, and from ``POST /submissions`` as JSON."""

    name: str
    make: Callable[[], bytes]
    expected: tuple[int, int]
    filename: str = "photo.jpg"

    def __str__(self) -> str:
        return self.name


def _butterfly(mode: str, form: str, **options: object) -> Callable[[], bytes]:
    return lambda: encode(butterfly(1).convert(mode), form, **options)


def _picture(form: str, **options: object) -> Callable[[], bytes]:
    return lambda: photo(1, form, **options)


def _cut(form: str) -> Callable[[], bytes]:
    return lambda: photo(1, form)[: len(photo(1, form)) // 2]


NO_PICTURES = [
    Case("empty", bytes, UNSUPPORTED),
    Case("one byte", lambda: b"\xff", UNSUPPORTED),
    Case("text named .jpg", lambda: b"Dear charity, here is my butterfly.", UNSUPPORTED),
    Case("HTML named .jpg", lambda: b"<!doctype html><script>alert(1)</script>", UNSUPPORTED),
    Case("ZIP named .jpg", files.archive, UNSUPPORTED),
    Case("PDF named .jpg", lambda: b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>", UNSUPPORTED),
    Case("SVG with a script", files.script, UNSUPPORTED, "photo.svg"),
    Case("a million zero bytes", lambda: bytes(1_000_000), UNSUPPORTED),
    Case("TIFF", _picture("TIFF"), UNSUPPORTED, "photo.tiff"),
    Case("BMP", _picture("BMP"), UNSUPPORTED, "photo.bmp"),
    Case("AVIF", _picture("AVIF"), UNSUPPORTED, "photo.avif"),
]

DAMAGED_PICTURES = [
    *(Case(f"truncated {form}", _cut(form), DAMAGED) for form in ("JPEG", "PNG", "WEBP", "HEIF")),
    Case("only the first bytes of a JPEG", lambda: b"\xff\xd8\xff", DAMAGED),
    Case("only the first bytes of a PNG", lambda: b"\x89PNG\r\n\x1a\n", DAMAGED),
    Case("JPEG with a hole of zeros", lambda: files.holed(photo(1)), READ),
    Case("JPEG whose EXIF is damaged", _picture("JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xee" * 40), READ),
    Case("JPEG without its end marker", lambda: photo(1)[:-2], READ),
    Case("progressive JPEG without its end marker", lambda: photo(1, progressive=True)[:-2], READ),
    Case("JPEG without its last bytes", lambda: photo(1)[:-12], DAMAGED),
    Case("PNG with a wrong checksum", lambda: files.flipped(photo(1, "PNG"), [30], 1), DAMAGED),
]

BOMBS = [
    Case("header that claims 65,500 × 65,500 pixels", lambda: files.claiming(65_500, 65_500), TOO_LARGE),
    Case("header that claims 10,000 × 10,000 pixels: grey", lambda: files.claiming(10_000, 10_000), READ),
    Case("PNG bomb of 30,000 × 30,000 pixels", lambda: files.png(30_000, 30_000), TOO_LARGE, "photo.png"),
    Case("the same in black and white", lambda: files.png(30_000, 30_000, 1, 0), TOO_LARGE, "photo.png"),
    Case("PNG with a comment of 100 MB packed", lambda: files.packed_comment(100_000_000), DAMAGED, "photo.png"),
    Case("100 megapixels, baseline JPEG", lambda: files.jpeg(10_000, 10_000), READ),
    Case("100 megapixels, progressive JPEG", lambda: files.jpeg(10_000, 10_000, "L", progressive=True), TOO_LARGE),
    Case("100 megapixels, JPEG with one colour after the other", lambda: files.one_by_one(10_000, 10_000), TOO_LARGE),
    Case("100 megapixels, PNG", lambda: files.png(10_000, 10_000), TOO_LARGE, "photo.png"),
    Case("100 megapixels, WebP", lambda: files.webp_claiming(10_000, 10_000), TOO_LARGE, "photo.webp"),
    Case("JPEG that orders 5,000 passes", lambda: files.many_scans(5000), TOO_LARGE),
    Case("24 megapixels, progressive JPEG", lambda: files.jpeg(6000, 4000, progressive=True), READ),
    Case(
        "24 megapixels, progressive JPEG in CMYK", lambda: files.jpeg(6000, 4000, "CMYK", progressive=True), TOO_LARGE
    ),
    Case("18 megapixels, progressive JPEG in CMYK", lambda: files.jpeg(4500, 4000, "CMYK", progressive=True), READ),
    Case("24 megapixels, JPEG with one colour after the other", lambda: files.one_by_one(6000, 4000), READ),
    Case("25 megapixels, PNG", lambda: files.png(6250, 4000), READ, "photo.png"),
    Case("25 megapixels, PNG with transparency", lambda: files.png(6250, 4000, 8, 6), READ, "photo.png"),
    Case("25 megapixels, PNG with 16 bits", lambda: files.png(6250, 4000, 16, 2), READ, "photo.png"),
    Case("16 megapixels, WebP", lambda: files.webp(4000, 4000), READ, "photo.webp"),
    Case("16 megapixels, WebP with transparency", lambda: files.webp(4000, 4000, "RGBA"), READ, "photo.webp"),
    Case("48 megapixels, HEIC", files.heic, READ, "photo.heic"),
    Case("39 MB of garbage after the photo", lambda: photo(1) + bytes(39_000_000), READ),
    Case("60 MB of garbage after the photo", lambda: photo(1) + bytes(60_000_000), TOO_LARGE),
]

METADATA = [
    *(
        Case(f"38 MB of {name}", lambda name=name: files.made_of(name, 38_000_000), TOO_LARGE)  # type: ignore[misc]
        for name in files.MADE_OF_METADATA
    ),
    Case("10 MB of XMP", lambda: files.made_of("XMP", 10_000_000), READ),
    *(
        Case(f"colour profile: {name}", _picture("JPEG", icc_profile=profile), READ)
        for name, profile in files.PROFILES.items()
    ),
]

KINDS_OF_PICTURE = [
    Case("animated GIF", lambda: files.animated("GIF"), UNSUPPORTED, "photo.gif"),
    Case("animated WebP: its first frame", lambda: files.animated("WEBP"), READ, "photo.webp"),
    Case("animated PNG: its first frame", lambda: files.animated("PNG"), READ, "photo.png"),
    Case("MPO, two pictures in one JPEG", _picture("MPO", save_all=True, append_images=[butterfly(2)]), READ),
    Case("CMYK JPEG", _butterfly("CMYK", "JPEG"), READ),
    Case("JPEG in Display P3", _picture("JPEG", icc_profile=icc.matrix_profile(icc.SPACES["Display P3"])), READ),
    Case("16-bit greyscale PNG", lambda: files.png(400, 300, 16, 0), READ, "photo.png"),
    Case("16-bit colour PNG", lambda: files.png(400, 300, 16, 2), READ, "photo.png"),
    Case("palette with transparency", _butterfly("P", "PNG", transparency=0), READ, "photo.png"),
    Case("colour with transparency", _butterfly("RGBA", "PNG"), READ, "photo.png"),
    Case("greyscale JPEG", _butterfly("L", "JPEG"), READ),
    Case("black and white PNG", _butterfly("1", "PNG"), READ, "photo.png"),
    Case("progressive JPEG", _picture("JPEG", progressive=True), READ),
    Case("HEIC", _picture("HEIF"), READ, "photo.heic"),
    *(Case(f"EXIF orientation {n}", lambda n=n: files.oriented(n), READ) for n in range(1, 9)),  # type: ignore[misc]
    Case("EXIF with a place and a date", exif_photo, READ),
    Case("1 × 1 pixel, PNG", lambda: files.png(1, 1), READ, "photo.png"),
    Case("1 × 1 pixel, JPEG", lambda: files.jpeg(1, 1), READ),
    Case("3000 × 2 pixels", lambda: files.jpeg(3000, 2), READ),
    Case("2 × 3000 pixels", lambda: files.jpeg(2, 3000), READ),
    Case("65,000 × 1 pixels", lambda: files.jpeg(65_000, 1), READ),
    Case("0 × 0 pixels", lambda: files.png(0, 0), DAMAGED, "photo.png"),
]

POLYGLOTS = [
    Case("GIF that is a JPEG further on", lambda: photo(1, "GIF") + photo(1), UNSUPPORTED),
    Case("JPEG with a GIF behind it", lambda: photo(1) + photo(1, "GIF"), READ, "photo.gif"),
    Case("JPEG with a ZIP behind it", lambda: photo(1) + files.archive(), READ, "photo.zip"),
    Case(
        "PNG with HTML in a comment", lambda: files.with_text_chunk(photo(1, "PNG"), files.script()), READ, "photo.html"
    ),
    Case("JPEG with a script in a comment", _picture("JPEG", comment=files.script()), READ, "photo.svg"),
    Case("PDF with a JPEG inside", lambda: b"%PDF-1.7\n" + photo(1), UNSUPPORTED, "photo.pdf"),
]

NAMES = [
    Case("name with a path upwards", photo, READ, "../../../../etc/passwd"),
    Case("name with a path of Windows", photo, READ, "C:\\Users\\me\\butterfly.jpg"),
    Case("name with an absolute path", photo, READ, "/dev/null"),
    Case("name with a snowman", photo, READ, "☃ \U0001f98b.jpg"),
    Case("name that is written backwards", photo, READ, "butterfly\u202egpj.exe"),
    Case("name with a zero byte", photo, READ, "butterfly\x00.jpg"),
    Case("name with line ends and quotes", photo, READ, 'a"\r\nSet-Cookie: a=b\r\n.jpg'),
    Case("name with markup", photo, READ, "<img src=x onerror=alert(1)>.jpg"),
    Case("name of spaces", photo, READ, "   "),
    Case("name 10 kB long", photo, (400, 400), "b" * 10_000 + ".jpg"),
]

SECTIONS = {
    "No pictures": NO_PICTURES,
    "Damaged pictures": DAMAGED_PICTURES,
    "Large pictures, and small files that claim to be": BOMBS,
    "More metadata than picture": METADATA,
    "Unusual pictures": KINDS_OF_PICTURE,
    "Two formats in one file": POLYGLOTS,
    "File names": NAMES,
}
CASES = [case for cases in SECTIONS.values() for case in cases]
