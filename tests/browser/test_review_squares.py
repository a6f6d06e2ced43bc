"""The square at the desk: close-up, where the network looked, moved by keys; what a photo looks more like, on one key."""

import pytest
from playwright.sync_api import FloatRect, Page, expect
from sqlalchemy import update

from app.core.db import reading, transaction
from app.submissions.tables import Photo, PredictionRecord, Submission
from app.taxa.tables import Taxon, VernacularName
from tests import factories
from tests.browser.conftest import NewPerson
from tests.browser.review_steps import (
    BROWN,
    Sent,
    eventually_told,
    item_on,
    make_blind,
    on_desk,
    press,
    reviewer,
    told,
)
from tests.running import Server

MIDDLE, SIDE, SIZE = (1150, 640), 360, (1600, 1200)
SQUARE = [0.61, 0.38, 0.225, 0.3]
RINGLET = {"scientific_name": "Aphantopus hyperantus", "probability": 0.8, "vernacular_names": {"en": "ringlet"}}
ARGUS = {"scientific_name": "Erebia aethiops", "probability": 0.1, "vernacular_names": {"en": "Scotch argus"}}


def sent(server: Server, place: str, *photos: bytes, square: list[float] | None = None) -> list[Sent]:
    """A submission of each photo, claimed as meadow brown, on the desk."""
    tokens = []
    for photo in photos:
        data = {"claim": BROWN, "place": place}
        if square is not None:
            data["square"] = ",".join(map(str, square))
        answer = server.client.post("/api/v1/submissions", files={"file": ("photo.jpg", photo)}, data=data)
        tokens.append(answer.raise_for_status().json()["token"])
    return on_desk(server, tokens)


def meadow(seed: int) -> bytes:
    """A photo with a small animal."""
    return factories.encode(factories.meadow(MIDDLE, side=SIDE, size=SIZE, seed=seed))


def looks_like(server: Server, item: Sent, *names: dict[str, object]) -> None:
    """As if the version had had these names for it."""
    with transaction(server.sessions) as session:
        photos = [photo.id for photo in session.get_one(Submission, item.id).photos]
        query = update(PredictionRecord).where(PredictionRecord.photo_id.in_(photos))
        session.execute(query.values(looks_like=list(names)))


def kept_photo(server: Server, item: int) -> Photo:
    """The photo of a submission."""
    with reading(server.sessions) as session:
        [photo] = session.get_one(Submission, item).photos
        return photo


def box(page: Page, selector: str) -> FloatRect:
    """Where it is on the screen."""
    found = page.locator(selector).bounding_box()
    assert found is not None
    return found


def test_close_up_on_one_key(new_person: NewPerson, decided_server: Server):
    """The square fills the stage but for a margin, turned or not; the next photo opens as this one was left."""
    sent(decided_server, "Close meadow", meadow(1), meadow(2), square=SQUARE)
    page = reviewer(new_person, decided_server).page
    page.goto("/review/next?place=close+meadow")
    item_on(page)
    toggle = page.get_by_role("button", name="Close-up")
    before = box(page, ".viewer__square")
    page.keyboard.press("d")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    for turns in (0, 1):
        stage, square = box(page, "[data-viewer]"), box(page, ".viewer__square")
        assert square["height"] > 2 * before["height"]
        assert square["height"] == pytest.approx(stage["height"] / 1.25, rel=0.03)
        page.keyboard.press("r")
        expect(page.locator("[data-viewer]")).to_have_attribute("data-turns", str(turns + 1))
    press(page, "s")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("d")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    expect(page.locator("[data-viewer]")).to_have_attribute("data-fitted", "true")


LOOKED = """(image) => image.decode().then(() => {
    const canvas = document.createElement('canvas');
    const [width, height] = [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const edges = [1, 1, 0, 0];
    for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
        if (data[4 * (y * width + x) + 3] < 12) continue;
        edges[0] = Math.min(edges[0], x / width);
        edges[1] = Math.min(edges[1], y / height);
        edges[2] = Math.max(edges[2], (x + 1) / width);
        edges[3] = Math.max(edges[3], (y + 1) / height);
    }
    return edges;
})"""


def test_where_it_looked_lies_in_the_square(new_person: NewPerson, decided_server: Server):
    """Nothing glows outside of what the network saw."""
    [item] = sent(decided_server, "Glowing meadow", meadow(3), square=SQUARE)
    page = reviewer(new_person, decided_server).page
    page.goto(f"/review/{item.id}?place=glowing")
    item_on(page)
    page.keyboard.press("w")
    attention = page.locator("[data-attention]")
    expect(attention).to_be_visible()
    left, top, right, bottom = attention.evaluate(LOOKED)
    x, y, width, height = SQUARE
    assert x - 0.01 < left < right < x + width + 0.01
    assert y - 0.01 < top < bottom < y + height + 0.01


def test_the_square_is_moved_by_keys(new_person: NewPerson, decided_server: Server):
    """E, arrows, E: the computer looks again and the item stays on the desk; meanwhile no key decides anything."""
    sent(decided_server, "Moving meadow", meadow(4), meadow(5), square=SQUARE)
    page = reviewer(new_person, decided_server).page
    page.goto("/review/next?place=moving")
    item = item_on(page)
    page.keyboard.press("e")
    expect(page.get_by_role("application")).to_be_focused()
    page.keyboard.press("a")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("e")
    expect(page.get_by_role("status").filter(has_text="The computer looks again")).to_be_visible()
    shown = page.locator(".viewer__square")
    expect(shown).not_to_have_attribute("x", str(SQUARE[0]))
    expect(page.locator("article.desk[data-ready]:not([data-looking])")).to_have_count(1)
    expect(page.get_by_role("button", name="Move the square")).to_be_visible()
    assert item_on(page) == item
    photo = kept_photo(decided_server, item)
    assert photo.square is not None
    assert photo.square[0] > SQUARE[0] + 0.02
    assert photo.square[1:] == pytest.approx(SQUARE[1:], abs=0.001)
    assert len(photo.predictions) == 2
    assert float(shown.get_attribute("x") or 0) == pytest.approx(photo.square[0], abs=0.001)
    assert told(decided_server, item) == []
    press(page, "a")
    eventually_told(decided_server, item, ("taxon", BROWN, "V1"))


def test_escape_leaves_the_square_as_it_was(new_person: NewPerson, decided_server: Server):
    """The first clears it, the second goes back to the photo; nothing was sent."""
    [item] = sent(decided_server, "Escaping meadow", meadow(6), square=SQUARE)
    page = reviewer(new_person, decided_server).page
    page.goto(f"/review/{item.id}?place=escaping")
    item_on(page)
    page.keyboard.press("e")
    page.keyboard.press("Escape")
    expect(page.locator(".editor__square")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_role("application")).to_be_hidden()
    assert kept_photo(decided_server, item.id).square == pytest.approx(SQUARE)


def test_what_it_looks_like_on_one_key(new_person: NewPerson, server: Server):
    """A name on the list of taxa is taken with L; one that is not there is told in words, and no key takes it."""
    walls = [factories.encode(factories.wall((300 + side, 300))) for side in (0, 8)]
    with_name, without = sent(server, "Wall garden", *walls)
    with transaction(server.sessions) as session:
        taxon = Taxon(scientific_name=RINGLET["scientific_name"])
        taxon.vernacular_names.append(VernacularName(language="en", name="ringlet"))
        session.add(taxon)
    looks_like(server, with_name, RINGLET, ARGUS)
    looks_like(server, without, ARGUS, RINGLET)
    page = reviewer(new_person, server).page
    page.goto(f"/review/{without.id}?place=wall+garden")
    item_on(page)
    known = page.get_by_role("region", name="Details")
    expect(known).to_contain_text("It looks more like")
    expect(known).to_contain_text("not in the list of taxa")
    expect(page.get_by_role("button", name="Looks more like")).to_have_count(0)
    expect(known.locator(".meter")).to_have_count(0)
    page.goto(f"/review/{with_name.id}?place=wall+garden")
    item_on(page)
    expect(page.get_by_role("button", name="Looks more like Ringlet")).to_be_visible()
    press(page, "l")
    eventually_told(server, with_name.id, ("taxon", "Aphantopus hyperantus", "V1"))


def test_a_blind_item_shows_nothing_of_it(new_person: NewPerson, server: Server):
    """Neither the names nor the square that was found, nor another animal, is anywhere in the page."""
    [item] = sent(server, "Blind wall", factories.encode(factories.wall((312, 300))))
    looks_like(server, item, RINGLET)
    with transaction(server.sessions) as session:
        photos = [photo.id for photo in session.get_one(Submission, item.id).photos]
        other = {"square": [0.1, 0.1, 0.3, 0.3], "probabilities": {BROWN: 1.0}, "in_scope": 1.0}
        query = update(PredictionRecord).where(PredictionRecord.photo_id.in_(photos))
        session.execute(query.values(square=[0.4, 0.4, 0.3, 0.3], square_origin="found", searched=True, others=[other]))
    make_blind(server, item)
    page = reviewer(new_person, server).page
    page.goto(f"/review/{item.id}")
    item_on(page)
    expect(page.get_by_text("Blind review: you see the claim")).to_be_visible()
    for secret in ("inglet", "Looks more like", "looks more like", 'data-square="', "found"):
        assert secret not in page.locator("article.desk").inner_html(), secret
    expect(page.locator(".viewer__square, .viewer__other")).to_have_count(0)
