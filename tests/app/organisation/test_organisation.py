"""The organisation's own words: filled in by an admin, shown to everybody, and true where nothing was filled in."""

import io

import pytest
from PIL import Image, PngImagePlugin

from app.accounts.tables import AuditEntry
from app.core.db import reading
from app.core.roles import Role
from app.organisation import details
from app.organisation.rules import Licence
from app.organisation.tables import Organisation
from tests.people import signed_in

PAGE = "/admin/organisation"
FILLED = {
    "name": "Butterfly Friends <3",
    "website": "https://example.org/count",
    "contact_email": " Count@Example.org ",
    "controller": "Butterfly Friends, Meadow Lane 1",
    "welcome_en": "Welcome & <b>thanks</b>.\n\nUntil 1 September.",
    "welcome_nl": "Welkom!",
    "notice_en": "Our server is in Utrecht.",
    "photo_licence": "CC-BY-4.0",
    "training": "yes",
}


@pytest.fixture
def admin(service):
    return signed_in(service, Role.ADMIN)


def stored(service):
    with reading(service.sessions) as session:
        return details.current(session)


def audited(service):
    with reading(service.sessions) as session:
        entries = session.query(AuditEntry).filter(AuditEntry.action.like("organisation.%")).order_by(AuditEntry.id)
        return [(entry.action, entry.details) for entry in entries]


def picture(size=(1600, 500), form="PNG", mode="RGBA", **options):
    out = io.BytesIO()
    Image.new(mode, size, "orange").save(out, form, **options)
    return out.getvalue()


def upload(admin, data, action="save"):
    return admin.post(f"{PAGE}/logo", data={"action": action}, files={"logo": ("logo.png", data, "image/png")})


def test_what_an_admin_fills_in_is_what_everybody_sees(service, admin):
    assert 'class="org"' not in service.client.get("/").text
    assert "No contact address has been filled in yet." in service.client.get("/privacy").text
    for _ in range(2):  # the second time nothing is different
        assert admin.post(PAGE, data=FILLED).headers["location"] == f"{PAGE}?done=saved"
    assert audited(service) == [
        (
            "organisation.changed",
            {"changed": sorted({n.split("_en")[0].split("_nl")[0] for n in FILLED} - {"training"})},
        )
    ]
    front = service.client.get("/").text
    assert '<a href="https://example.org/count">Butterfly Friends &lt;3</a>' in front
    assert "<p>Welcome &amp; &lt;b&gt;thanks&lt;/b&gt;.</p><p>Until 1 September.</p>" in front
    notice = service.client.get("/privacy").text
    for text in ("Butterfly Friends &lt;3", "mailto:count@example.org", "Meadow Lane 1", "Our server is in Utrecht."):
        assert text in notice
    dutch = service.client.get("/", headers={"Accept-Language": "nl"}).text
    assert "<p>Welkom!</p>" in dutch
    assert "Utrecht" not in service.client.get("/privacy", headers={"Accept-Language": "nl"}).text
    assert stored(service).photo_licence is Licence.CC_BY
    assert "Butterfly Friends" in admin.get(PAGE).text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"website": "javascript:alert(1)"}, "Please enter a web address"),
        ({"website": "https://"}, "Please enter a web address"),
        ({"website": "http://[::1"}, "Please enter a web address"),
        ({"contact_email": "nobody"}, "Please enter a valid e-mail address."),
        ({"name": "x" * 201}, "Please use at most 200 characters."),
        ({"welcome_nl": "x" * 5001}, "Please use at most 5000 characters."),
    ],
)
def test_a_mistake_keeps_what_was_typed_and_saves_nothing(lite, changed, message):
    answer = signed_in(lite, Role.ADMIN).post(PAGE, data=FILLED | changed)
    assert answer.status_code == 422
    assert message in answer.text
    assert "Our server is in Utrecht." in answer.text
    with reading(lite.sessions) as session:
        assert session.query(Organisation).count() == 0


def test_a_logo_is_decoded_and_written_anew(service, admin):
    secret = PngImagePlugin.PngInfo()
    secret.add_text("Author", "somebody at home")
    assert upload(admin, picture(pnginfo=secret)).status_code == 303
    first = stored(service)
    assert (first.logo_width, first.logo_height) == (640, 200)
    address = f"/organisation/logo/{first.logo_digest}.png"
    assert address in service.client.get("/").text
    answer = service.client.get(address)
    assert (answer.headers["content-type"], answer.headers["cache-control"][:6]) == ("image/png", "public")
    assert b"somebody" not in answer.content
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size, shown.info) == ("PNG", (640, 200), {})
    assert upload(admin, picture((100, 100), "JPEG", "RGB")).status_code == 303
    assert service.client.get(address).status_code == 404
    assert upload(admin, b"", "remove").status_code == 303
    assert stored(service).logo_digest == ""
    assert [action for action, _ in audited(service)] == ["organisation.logo_changed"] * 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture()[:200],
        picture((16, 16), "GIF", "P"),
        picture((5000, 4000), mode="1"),
        b"x" * 4_000_001,
    ],
    ids=["empty", "svg", "cut", "gif", "pixels", "bytes"],
)
def test_what_is_no_small_picture_is_refused(lite, data):
    answer = upload(signed_in(lite, Role.ADMIN), data)
    assert answer.status_code == 422
    assert 'id="error-logo" data-error-for="logo">' in answer.text
    assert stored(lite).logo_digest == ""
