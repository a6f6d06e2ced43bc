"""Photos before they are sent: dropped, pasted, removed, and the square around the butterfly."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, FloatRect, Locator, Page, expect

from app.core.db import reading
from tests import factories
from tests.browser.conftest import PHONE, NewPerson
from tests.browser.steps import choose, drawn, file, preview, see_verdict, send, species, submission
from tests.running import Server

WIDTH, HEIGHT = 400, 600  # of the upright photo, which the camera kept lying on its side

TRANSFER = """(files) => {
    const transfer = new DataTransfer();
    for (const { name, mimeType, text } of files) {
        const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type: mimeType }));
    }
    return transfer;
}"""


def transfer(page: Page, *files: FilePayload) -> Any:
    """Files as they hang on a mouse pointer or lie in the clipboard."""
    told = [{**each, "buffer": None, "text": base64.b64encode(each["buffer"]).decode()} for each in files]
    return page.evaluate_handle(TRANSFER, told)


def test_dropped_and_pasted_photos_are_sent_in_order_without_the_removed_one(desktop: Page, server: Server):
    """At a desk photos are dropped and pasted; what is sent is what is seen."""
    desktop.goto("/")
    dropped = transfer(desktop, drawn(10), drawn(11), file("notes.txt", b"hello", "text/plain"))
    desktop.get_by_role("main").dispatch_event("drop", {"dataTransfer": dropped})
    expect(preview(desktop, 2)).to_be_visible()
    expect(desktop.get_by_role("alert").filter(has_text="notes.txt is not a photo we can use")).to_be_visible()
    pasted = transfer(desktop, drawn(12))
    desktop.evaluate(
        "(data) => document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))", pasted
    )
    expect(preview(desktop, 3)).to_be_visible()
    choose(desktop, drawn(13))
    expect(preview(desktop, 4)).to_be_visible()
    desktop.get_by_role("button", name="Remove butterfly-11.jpg").click()
    expect(preview(desktop, 4)).to_have_count(0)

    species(desktop, "don’t know").check()
    send(desktop)
    see_verdict(desktop)
    with reading(server.sessions) as session:
        names = [photo.filename for photo in submission(session, desktop).photos]
    assert names == ["butterfly-10.jpg", "butterfly-12.jpg", "butterfly-13.jpg"]
    for number in (1, 2, 3):
        expect(preview(desktop, number)).to_be_visible()


def test_a_photo_that_the_browser_cannot_show_is_sent_all_the_same(desktop: Page):
    """An iPhone's HEIC in a browser without it: the page says so, and the verdict's page shows a copy."""
    desktop.goto("/")
    choose(desktop, file("IMG_0001.HEIC", factories.photo(14, "HEIF"), "image/heic"))
    expect(desktop.get_by_text("This browser can’t show this type of photo, but we can use it.")).to_be_visible()
    species(desktop, "meadow brown").check()
    send(desktop)
    see_verdict(desktop)
    shown = desktop.get_by_role("img", name="Your photo: IMG_0001.HEIC")
    expect(shown).to_be_visible()
    assert shown.evaluate("(image) => [image.naturalWidth, image.naturalHeight]") == [400, 300]


def rotated_photo(seed: int) -> FilePayload:
    """A photo held upright: the file lies on its side, and EXIF says to turn it."""
    upright = factories.butterfly(seed, size=(WIDTH, HEIGHT))
    exif = Image.Exif()
    exif[0x0112] = 6
    return file("upright.jpg", factories.encode(upright.transpose(Image.Transpose.ROTATE_90), exif=exif))


def box(shown: Locator) -> FloatRect:
    """Where the upright photo is on the screen: the middle of its element, as large as fits."""
    shown.scroll_into_view_if_needed()
    found = shown.bounding_box()
    assert found is not None
    scale = min(found["width"] / WIDTH, found["height"] / HEIGHT)
    return {
        "x": found["x"] + (found["width"] - WIDTH * scale) / 2,
        "y": found["y"] + (found["height"] - HEIGHT * scale) / 2,
        "width": WIDTH * scale,
        "height": HEIGHT * scale,
    }


def by_mouse(page: Page, editor: Locator) -> list[float]:
    """Drag from a fifth of the width and height, half of the width to the right."""
    where = box(editor)
    left, top, size = where["x"] + where["width"] * 0.2, where["y"] + where["height"] * 0.2, where["width"] * 0.5
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + size / 2, top + size / 2)
    page.mouse.move(left + size, top + size)
    page.mouse.up()
    return [0.2, 0.2, 0.5, 0.5 * WIDTH / HEIGHT]


def by_touch(page: Page, editor: Locator) -> list[float]:
    """Tap in the middle, then pull a corner: the first finger draws, the second movement makes it larger."""
    where = box(editor)
    page.touchscreen.tap(where["x"] + where["width"] * 0.5, where["y"] + where["height"] * 0.5)
    x, y, width, height = square(editor)
    assert x + width / 2 == pytest.approx(0.5, abs=0.01)
    assert y + height / 2 == pytest.approx(0.5, abs=0.01)
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, right: float, down: float) -> None:
        points = [{"x": where["x"] + where["width"] * right, "y": where["y"] + where["height"] * down}]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if kind != "touchEnd" else []})

    touch("touchStart", x + width, y + height)
    touch("touchMove", x + width + 0.05, y + height + 0.01)
    touch("touchMove", x + 0.6, y + 0.6 * WIDTH / HEIGHT)
    touch("touchEnd", 0, 0)
    return [x, y, 0.6, 0.6 * WIDTH / HEIGHT]


def by_keys(page: Page, editor: Locator) -> list[float]:
    """Enter draws one in the middle, arrows move it, plus makes it larger; Escape clears it and it is drawn again."""
    editor.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert editor.evaluate("(element) => element.closest('li').querySelector('[name=square]').value") == ""
    page.keyboard.press("Enter")
    middle = square(editor)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    moved = square(editor)
    assert moved[0] > middle[0]
    assert moved[1] < middle[1]
    assert moved[2:] == middle[2:]
    page.keyboard.press("+")
    grown = square(editor)
    assert grown[2] == pytest.approx(moved[2] * 1.08, abs=0.001)
    expect(page.get_by_role("status").filter(has_text="percent of the width")).to_be_attached()
    return grown


def square(editor: Locator) -> list[float]:
    """The hidden value beside it: x, y, width, height in fractions of the upright photo."""
    value = editor.evaluate("(element) => element.closest('li').querySelector('[name=square]').value")
    return [float(part) for part in value.split(",")]


@pytest.mark.parametrize("draw", [by_mouse, by_touch, by_keys])
def test_the_square_is_where_it_was_drawn(
    new_person: NewPerson, server: Server, draw: Callable[[Page, Locator], list[float]]
):
    """However it is drawn: the page sends fractions of the upright photo, and the verdict's page shows it there."""
    page = new_person(**(PHONE if draw is by_touch else {})).page
    # No suggestion: a drag that begins in one would move it.
    page.route("**/find", lambda route: route.fulfill(json={"searched": True, "squares": []}))
    page.goto("/")
    choose(page, rotated_photo(20))
    editor = page.get_by_role("application", name=re.compile("Square around the butterfly in photo 1"))
    expect(editor).to_be_visible()
    wanted = draw(page, editor)
    assert square(editor) == pytest.approx(wanted, abs=0.015)
    assert square(editor)[2] * WIDTH == pytest.approx(square(editor)[3] * HEIGHT, rel=0.01), "it is a square in pixels"

    drawn_square = square(editor)
    species(page, "meadow brown").check()
    send(page)
    see_verdict(page)
    with reading(server.sessions) as session:
        [photo] = submission(session, page).photos
        assert (photo.width, photo.height) == (WIDTH, HEIGHT)
        assert photo.square == pytest.approx(drawn_square, abs=0.0001)
    shown = box(page.get_by_role("img", name="Your photo: upright.jpg"))
    edge = page.locator(".photo__square").bounding_box()
    assert edge is not None
    found = [
        (edge["x"] - shown["x"]) / shown["width"],
        (edge["y"] - shown["y"]) / shown["height"],
        edge["width"] / shown["width"],
        edge["height"] / shown["height"],
    ]
    assert found == pytest.approx(drawn_square, abs=0.02)
