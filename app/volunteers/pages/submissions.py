"""The volunteer's pages: send, look, reconsider, withdraw."""

import secrets
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.background import BackgroundTask
from starlette.datastructures import FormData

from app.core.crash_points import reach
from app.core.db import transaction, utcnow
from app.core.errors import IdempotencyMismatch, InvalidSubmission
from app.core.web.dependencies import LanguageDep, ReadSession, SettingsDep, same_origin
from app.core.web.errors import field_errors, wants_json
from app.core.web.i18n import Language
from app.core.web.pages import render
from app.core.web.uploads import SubmissionRoute, chosen, done
from app.submissions import volunteers
from app.submissions.forms import FIELDS, parse_claim, parse_email, parse_submission
from app.submissions.new_submission import NewSubmission
from app.submissions.views import Views
from app.taxa import names as taxa
from app.taxa.views import TaxonView
from app.volunteers.dependencies import SubmissionsDep, VolunteerCookieDep, VolunteerKey
from app.volunteers.pages.submission_page import Choices, Searches, page_of, private
from app.volunteers.submissions import Receipt, Submissions

router = APIRouter(include_in_schema=False, route_class=SubmissionRoute)
ACCEPT = "image/jpeg,image/png,image/webp,image/heic,image/heif,.heic,.heif,.mpo"


async def _form(request: Request, settings: SettingsDep) -> AsyncIterator[FormData]:
    form = await request.form(max_files=settings.max_photos_per_submission + 8, max_fields=settings.max_form_fields)
    try:
        yield form
    finally:
        await form.close()


FormDep = Annotated[FormData, Depends(_form)]


@router.get("/")
def new(
    request: Request,
    session: ReadSession,
    choices: Choices,
    searches: Searches,
    settings: SettingsDep,
    cookie: VolunteerCookieDep,
    key: VolunteerKey,
) -> Response:
    """The form. Its holder gets a cookie now, so that even a double click on "send" comes from one volunteer."""
    volunteer = volunteers.find(session, key)
    page = private(_form_page(request, choices, searches, settings, email=(volunteer.email or "") if volunteer else ""))
    cookie.write(page, key or volunteers.new_key())
    return page


def _form_page(
    request: Request,
    choices: list[TaxonView],
    searches: bool,
    settings: Any,
    *,
    email: str = "",
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    return render(
        request,
        "volunteers/new.html",
        status=status,
        taxa=choices,
        searches=searches,
        form=dict.fromkeys(FIELDS, "") | {"individual_count": "1", "email": email} | (values or {}),
        errors=errors or {},
        limits={
            "max_photos": settings.max_photos_per_submission,
            "max_megabytes": settings.max_file_megabytes,
            "accept": ACCEPT,
        },
        idempotency_key=(values or {}).get("idempotency_key") or secrets.token_urlsafe(18),
        today=utcnow().date().isoformat(),
        email=email,
    )


@router.post("/submissions", dependencies=[Depends(same_origin)])
async def create(
    request: Request,
    form: FormDep,
    choices: Choices,
    searches: Searches,
    settings: SettingsDep,
    submissions: SubmissionsDep,
    cookie: VolunteerCookieDep,
    key: VolunteerKey,
    language: LanguageDep,
) -> Response:
    """Take the form. Scripts get JSON, others are sent on to the submission's page."""
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    squares, shown = ([value for value in form.getlist(name) if isinstance(value, str)] for name in ("square", "shown"))
    new = parse_submission(fields, chosen(form.getlist("file")), squares, language.code, shown)
    idempotency_key = fields.get("idempotency_key", "") or secrets.token_urlsafe(18)
    try:
        receipt = await done(
            request.app.state.submission_line, partial(_submit, submissions, new, key, idempotency_key)
        )
    except InvalidSubmission as error:
        if wants_json(request):
            raise
        return _form_page(
            request,
            choices,
            searches,
            settings,
            values=fields,
            email=fields.get("email", ""),
            errors=_by_field(error, language),
            status=422,
        )
    url = f"/s/{receipt.token}" + ("?again=1" if receipt.duplicate else "")
    answer: Response
    if wants_json(request):
        answer = JSONResponse({"url": url, "duplicate": receipt.duplicate}, 200 if receipt.duplicate else 201)
    else:
        answer = RedirectResponse(url, 303)
    cookie.write(answer, receipt.volunteer_key)
    answer.background = BackgroundTask(reach, "answered")
    return answer


def _submit(submissions: Submissions, new: NewSubmission, key: str | None, idempotency_key: str) -> Receipt:
    """A page reached by "back" still carries the old key: other content under it is another submission."""
    try:
        return submissions.submit(new, key, idempotency_key[:100])
    except IdempotencyMismatch:
        return submissions.submit(new, key, secrets.token_urlsafe(18))


def _by_field(error: InvalidSubmission, language: Language) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for line in field_errors(error, language):
        named = f"{line['filename']}: {line['message']}" if "filename" in line else line["message"]
        found.setdefault(line["field"], []).append(named)
    return {name: " ".join(messages) for name, messages in found.items()}


@router.get("/s/{token}")
def show(
    request: Request,
    token: str,
    session: ReadSession,
    submissions: SubmissionsDep,
    language: LanguageDep,
    choices: Choices,
    again: str = "",
    answered: str = "",
) -> Response:
    """One submission with its verdict."""
    flash = language.gettext("You already sent this. Here it is.") if again else None
    if answered:
        flash = language.gettext("Thank you. Your answer has been sent to the expert.")
    return page_of(request, session, submissions.get(session, token), language, choices, flash=flash)


@router.get("/s/{token}/verdict")
def verdict(
    request: Request,
    token: str,
    session: ReadSession,
    submissions: SubmissionsDep,
    language: LanguageDep,
    choices: Choices,
) -> Response:
    """The part of the page that changes while the computer looks."""
    row = submissions.get(session, token)
    return page_of(request, session, row, language, choices, template="volunteers/_polled.html")


@router.post("/s/{token}/claim", dependencies=[Depends(same_origin)])
def reconsider(token: str, submissions: SubmissionsDep, claim: Annotated[str, Form()]) -> Response:
    """The answer to the second look."""
    kind, name = parse_claim(claim)
    submissions.reconsider(token, kind, name)
    return RedirectResponse(f"/s/{token}", 303)


@router.get("/s/{token}/withdraw")
def ask_withdraw(
    request: Request, token: str, session: ReadSession, submissions: SubmissionsDep, language: LanguageDep
) -> Response:
    """Withdrawing deletes photos: ask first."""
    view = Views(language, taxa.all_by_name(session)).submission(submissions.get(session, token))
    return private(render(request, "volunteers/withdraw.html", submission=view))


@router.post("/s/{token}/withdraw", dependencies=[Depends(same_origin)])
def withdraw(token: str, submissions: SubmissionsDep) -> Response:
    """Withdraw and come back to what is left."""
    submissions.withdraw(token)
    return RedirectResponse(f"/s/{token}", 303)


@router.get("/mine")
def mine(
    request: Request,
    session: ReadSession,
    submissions: SubmissionsDep,
    language: LanguageDep,
    key: VolunteerKey,
    deleted: str = "",
) -> Response:
    """Everything this volunteer sent."""
    flash = language.gettext("Everything you sent was deleted.") if deleted else None
    return _mine_page(request, session, submissions, language, key, flash=flash)


def _mine_page(
    request: Request,
    session: ReadSession,
    submissions: Submissions,
    language: Language,
    key: str | None,
    *,
    email: str | None = None,
    error: str | None = None,
    flash: str | None = None,
) -> Response:
    volunteer = volunteers.find(session, key)
    rows = submissions.of_volunteer(session, volunteer) if volunteer else []
    views = Views(language, taxa.all_by_name(session))
    kept = (volunteer.email or "") if volunteer else ""
    page = render(
        request,
        "volunteers/mine.html",
        status=422 if error else 200,
        submissions=[views.submission(row) for row in rows],
        email=kept if email is None else email,
        errors={"email": error} if error else {},
        flash=flash,
    )
    return private(page)


@router.post("/mine/email", dependencies=[Depends(same_origin)])
def email(
    request: Request,
    session: ReadSession,
    submissions: SubmissionsDep,
    language: LanguageDep,
    cookie: VolunteerCookieDep,
    key: VolunteerKey,
    email: Annotated[str, Form()] = "",
) -> Response:
    """Keep, change or forget the volunteer's address."""
    try:
        address = parse_email(email)
    except InvalidSubmission as error:
        message = field_errors(error, language)[0]["message"]
        return _mine_page(request, session, submissions, language, key, email=email, error=message)
    with transaction(request.app.state.sessions) as writing:
        volunteer = volunteers.find_or_create(writing, key, language.code)
        volunteers.set_email(writing, volunteer, address)
        volunteer_key = volunteer.key
    answer = RedirectResponse("/mine", 303)
    cookie.write(answer, volunteer_key)
    return answer
