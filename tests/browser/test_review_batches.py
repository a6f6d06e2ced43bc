"""Many of a look-alike pair at once: two exceptions, one decision, and the whole of it taken back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPerson
from tests.browser.review_steps import BROWN, GATEKEEPER, TABLET, decided, reviewer, send_many, told
from tests.running import Server

PAIR = "Meadow brown; computer: gatekeeper"


def open_grid(page: Page) -> None:
    """From the queue to the grid of the pair."""
    page.goto("/review")
    page.get_by_role("link", name="Look-alike batches").click()
    page.get_by_role("link", name=re.compile("Claimed: meadow brown.*The computer sees: gatekeeper", re.S)).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(PAIR)


@pytest.mark.parametrize("options", [{}, TABLET], ids=["1280 px", "820 px"])
def test_a_batch_with_two_exceptions(new_person: NewPerson, decided_server: Server, options: dict[str, object]):
    """By keys: two are left out, the rest is accepted in one action, and one action takes it all back."""
    sent = send_many(decided_server, 7, "Batch dyke")
    page = reviewer(new_person, decided_server, **options).page
    open_grid(page)
    boxes = page.get_by_role("checkbox", name=re.compile("Leave out"))
    many = boxes.count()
    assert many >= 7
    for example in ("Drawing: meadow brown", "Drawing: gatekeeper"):
        expect(page.get_by_role("img", name=example)).to_be_visible()
    expect(page.get_by_text("Move between photos with the arrow keys")).to_be_visible()  # the script is there
    page.keyboard.press("ArrowRight")
    expect(boxes.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    expect(page.get_by_role("status").filter(has_text="2 left out")).to_be_visible()
    left_out = [int(box.get_attribute("value") or 0) for box in (boxes.nth(1), boxes.nth(2))]
    said_before = [told(decided_server, number) for number in left_out]  # they may be another test's
    page.keyboard.press("m")

    expect(page.get_by_role("heading", level=1)).to_have_text(f"{many - 2} photos decided at once")
    expect(page.get_by_text("Gatekeeper, correct.")).to_be_visible()
    kept = [item for item in sent if item.id not in left_out]
    assert decided(decided_server, kept) == len(kept)
    assert all(told(decided_server, item.id) == [("taxon", GATEKEEPER, "V1")] for item in kept)
    assert [told(decided_server, number) for number in left_out] == said_before

    page.wait_for_load_state()  # with the script that listens to keys
    page.keyboard.press("z")
    expect(page.get_by_role("heading", level=1)).to_have_text("Batch undone")
    assert decided(decided_server, sent) == 0
    assert told(decided_server, kept[0].id) == [("taxon", GATEKEEPER, "V1"), ("undo", None, None)]
    finish(page)
    assert decided(decided_server, sent) == 7


def finish(page: Page) -> None:
    """The rest by mouse, as considered correct."""
    page.get_by_role("link", name=f"More of “{PAIR}”").click()
    page.get_by_label("Considered correct").check()
    page.get_by_role("button", name="Meadow brown").click()
    expect(page.get_by_text("Meadow brown, considered correct.")).to_be_visible()
    page.get_by_role("link", name="To the queue").click()


def test_a_photo_that_changed_meanwhile(new_person: NewPerson, decided_server: Server):
    """Another reviewer decides one of them from a page that was open before: the batch leaves it alone and says so."""
    sent = send_many(decided_server, 3, "Changing dyke", GATEKEEPER, orange=False)
    first, second = (reviewer(new_person, decided_server).page for _ in range(2))
    first.goto(f"/review/grid/{GATEKEEPER.replace(' ', '_')}/{BROWN.replace(' ', '_')}")
    shown = first.get_by_role("checkbox", name=re.compile("Leave out")).all()  # perhaps of other tests as well
    assert {str(item.id) for item in sent} <= {box.get_attribute("value") for box in shown}

    second.goto("/review?place=changing")
    expect(second.get_by_text("has it open")).to_have_count(3)
    second.goto(f"/review/{sent[0].id}")
    expect(second.get_by_text(re.compile("Reviewer .* has it open, until"))).to_be_visible()
    second.goto(f"/review/grid/{GATEKEEPER.replace(' ', '_')}/{BROWN.replace(' ', '_')}")
    expect(second.get_by_role("heading", name="Nothing left of this pair")).to_be_visible()

    first.request.post(f"/s/{sent[1].token}/claim", form={"claim": BROWN})
    first.get_by_role("button", name="Meadow brown").click()
    expect(first.get_by_role("heading", level=1)).to_have_text(f"{len(shown) - 1} photos decided at once")
    refused = first.get_by_role("region", name="Not decided, because they have changed")
    expect(refused).to_contain_text(f"({sent[1].id})")
    assert told(decided_server, sent[1].id) == []
