"""How a reviewer likes the desk."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from app.core.db import reading
from app.core.web.auth import Reviewer
from app.core.web.dependencies import Sessions
from app.review import settings
from app.review.pages.shared import WordsDep, desk_page, to
from app.review.tables import ReviewerPreference

router = APIRouter(include_in_schema=False)
_ = str  # marks messages for extraction
_BRIGHTNESS = {0.8: _("a little darker"), 1.0: _("unchanged"), 1.2: _("a little brighter"), 1.6: _("much brighter")}


@router.get("/review/preferences")
def show(request: Request, user: Reviewer, sessions: Sessions, words: WordsDep, saved: str = "") -> Response:
    """What is set."""
    with reading(sessions) as session:
        found = settings.preferences_of(session, user.user_id)
    return desk_page(
        request,
        "review/preferences.html",
        words.language,
        preferences={"blind": found.blind, "brightness": float(found.options.get("brightness", 1.0))},
        brightness_choices=[(value, words.t(label)) for value, label in _BRIGHTNESS.items()],
        flash=words.t("Saved.") if saved else None,
    )


@router.post("/review/preferences")
def save(
    user: Reviewer,
    sessions: Sessions,
    blind: Annotated[str, Form()] = "",
    brightness: Annotated[float, Form()] = 1.0,
) -> Response:
    """Keep it."""
    with reading(sessions) as session:
        options = settings.preferences_of(session, user.user_id).options
    chosen = brightness if brightness in _BRIGHTNESS else 1.0
    options = options | {"brightness": chosen}
    settings.save_preferences(sessions, ReviewerPreference(user_id=user.user_id, blind=bool(blind), options=options))
    return to("/review/preferences", "saved=1")
