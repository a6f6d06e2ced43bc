"""A version is tried before it serves: a replay, the shadow, its mistakes with maps; then the watch and a species' policy."""

import re
from pathlib import Path

from playwright.sync_api import expect
from sqlalchemy import select

from app.core.db import reading, transaction
from app.core.settings import Settings
from app.predictions import registry
from app.submissions.tables import Photo
from app.versions import replays
from app.versions.rules import Part
from app.versions.tables import PhotoPart
from tests.browser.conftest import PHONE, NewPerson
from tests.browser.model_steps import admin
from tests.browser.review_steps import BROWN, GATEKEEPER, send_many
from tests.browser.test_accessibility import check
from tests.people import make_user
from tests.reviewing import decide, taxon
from tests.running import Server, eventually
from tests.versions import ALWAYS_IN_SCOPE, make_version


def test_a_replay_the_shadow_and_where_it_looked(new_person: NewPerson, models_server: Server, tmp_path: Path):
    with transaction(models_server.sessions) as session:
        settings = Settings(_env_file=None, data_dir=models_server.data)
        candidate = registry.import_version(session, make_version(tmp_path, "8.1.0", **ALWAYS_IN_SCOPE), settings).id
    [sent] = send_many(models_server, 1, "Trial lane", GATEKEEPER)
    # Whatever the network makes of the drawing, one of the two decisions contradicts it.
    measured_by_an_expert(models_server, sent.id)

    page = admin(new_person, models_server)
    page.goto(f"/admin/models/{candidate}")
    page.get_by_role("button", name="Start shadow mode").click()
    expect(page.get_by_text("It will check every new photo.")).to_be_visible()
    page.get_by_role("button", name="Start replay").click()
    expect(page.locator('[data-part="state"]')).to_contain_text("done")
    expect(page.get_by_role("region", name="Changes in verdict")).to_be_visible()
    submissions = page.get_by_role("region", name="Submissions")
    expect(submissions.get_by_text("out of scope → ").first).to_be_visible()
    check(page)
    submissions.get_by_role("link", name=re.compile("Disputed acceptances")).click()
    expect(page.get_by_text("None: this version would accept")).to_be_visible()

    send_many(models_server, 1, "Trial lane")
    eventually(lambda: shadowed(models_server, candidate), "the shadow has looked")
    page.goto(f"/admin/models/{candidate}")
    expect(page.get_by_text(re.compile("submission.* would (get a different verdict|change)")).first).to_be_visible()
    expect(page.get_by_role("link", name="Results")).to_be_visible()
    mistakes = page.get_by_role("region", name="Worst mistakes on expert-verified photos")
    seen = mistakes.get_by_role("img", name=re.compile("Where the model looked for")).first
    seen.scroll_into_view_if_needed()
    expect(seen).to_have_js_property("complete", True)
    assert seen.evaluate("(map) => map.naturalWidth") > 0
    check(page)
    page.get_by_role("button", name="Stop shadow mode").click()
    expect(page.get_by_role("button", name="Start shadow mode")).to_be_visible()
    for path in ("/admin/watch", "/admin/policies/1?error=0.1&reliability=70"):
        page.goto(path)
        check(page)


def shadowed(server: Server, version_id: int) -> int:
    """How many submissions the shadow has seen."""
    with reading(server.sessions) as session:
        [replay] = replays.page(session, version_id, live=True)
        return replays.summary(session, replay.id).done


def measured_by_an_expert(server: Server, submission_id: int) -> None:
    """An expert decided against what the network makes of the photo, which measures versions from now on."""
    with transaction(server.sessions) as session:
        photo = session.scalars(select(Photo).where(Photo.submission_id == submission_id)).one()
        said = photo.predictions[0].probabilities
        other = min(said, key=lambda name: said[name])
        session.add(PhotoPart(sha256=photo.sha256, part=Part.TEST, volunteer_id=photo.submission.volunteer_id))
    decide(server, make_user(server.sessions), submission_id, taxon(other))


def test_the_watch_and_a_policy_on_a_phone_without_script(new_person: NewPerson, models_server: Server):
    send_many(models_server, 1, "Trial lane", BROWN)
    page = admin(new_person, models_server, **PHONE, java_script_enabled=False)
    page.goto("/admin/watch")
    weeks = page.get_by_role("region", name="Recent weeks")
    expect(weeks.get_by_role("columnheader", name="Experts agree")).to_be_attached()
    expect(weeks.get_by_role("rowheader").first).to_be_visible()
    page.get_by_role("link", name="Policy").click()
    page.get_by_role("link", name=re.compile("Change ?: meadow brown")).click()
    page.get_by_label("Acceptable error rate").select_option("0.1")
    page.get_by_label("Volunteers’ claims that are correct").fill("70")
    page.get_by_role("button", name="Preview effect").click()
    expect(page.get_by_text(re.compile("since .* different verdict"))).to_be_visible()
    page.get_by_role("button", name="Save this policy").click()
    expect(page.get_by_text("At most 10%, set for this species")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("At most 5%, the version’s default")).to_be_visible()
