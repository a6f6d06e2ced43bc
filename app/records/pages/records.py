"""The season's records for coordinators: how many there are, and files of them to give away."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import StreamingResponse

from app.core.db import SessionFactory, reading, utcnow
from app.core.errors import InvalidInput
from app.core.web.auth import Coordinator, RecordsReader
from app.core.web.dependencies import Sessions
from app.core.web.visitors import SignedIn
from app.records import archive, description, selection, summary
from app.records.archive import Download, NotDescribed
from app.records.archive import Form as FileForm
from app.records.description import Description
from app.records.pages import form as records_form
from app.records.pages.form import RecordsForm
from app.records.pages.views import LICENCES, PRECISIONS, STANDINGS, RecordsViews
from app.records.rules import Licence
from app.review.pages.queue_views import QueueViews
from app.review.pages.shared import WordsDep, desk_page, to
from app.review.pages.templates import by_field
from app.review.words import Words

router = APIRouter(include_in_schema=False)
_PREVIEWED = 5
_PRIVATE = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}


@router.get("/review/records")
def show(
    request: Request, user: Coordinator, sessions: Sessions, words: WordsDep, saved: str = "", undescribed: str = ""
) -> Response:
    """The numbers of a time and a species, and what a download would hold. ``undescribed``: an archive was asked for."""
    missing = {"title": words.t("An archive needs these details. Please fill them in first.")}
    return _page(
        request,
        user,
        sessions,
        words,
        flash=words.t("Saved.") if saved else None,
        errors=missing if undescribed else None,
    )


def _read(request: Request, sessions: SessionFactory, words: Words) -> tuple[RecordsForm, list[int]]:
    """The fields, and the years that there are records of. Unasked, it is this year's, or the last that has any."""
    with reading(sessions) as session:
        years = selection.years(session)
    this = utcnow().year
    season = this if this in years else max(years, default=this)
    return records_form.read(request.query_params, season, words.language.code), years


def _page(
    request: Request,
    user: SignedIn,
    sessions: SessionFactory,
    words: Words,
    flash: str | None = None,
    described: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    views = RecordsViews(words)
    form, years = _read(request, sessions, words)
    with reading(sessions) as session:
        found = summary.summary(session, form.wanted)
        extent = summary.extent(session, form.wanted)
        before, changed_at = description.current(session), description.changed_at(session)
    some = archive.preview(sessions, user.user_id, form.wanted, form.shape, _PREVIEWED)
    told = by_field(InvalidInput(form.errors), words)
    context: dict[str, Any] = {
        "heading": views.heading(form),
        "seasons": views.seasons(form, years),
        "lede": views.lede(found),
        "any": found.total.records > 0,
        "numbers": views.numbers(found),
        "table": views.table(found),
        "weeks": views.weeks(found),
        "form": form,
        "errors": told | (errors or {}),
        "standings": [(one.value, words.t(text), one in form.standings) for one, text in STANDINGS.items()],
        "precisions": [(one.value, words.t(text), one is form.precision) for one, text in PRECISIONS.items()],
        "taxa": QueueViews(words, {}, 0).taxa(),
        "chosen": views.chosen(extent),
        "records": extent.records,
        "preview_heads": views.preview_heads(),
        "preview": views.preview(some),
        "described": described or _fields(before),
        "is_described": before is not None,
        "described_wrongly": errors is not None,
        "changed_at": changed_at,
        "licences": [(one.value, words.t(text)) for one, text in LICENCES.items()],
        "query": form.query(),
        "flash": flash,
    }
    return desk_page(request, "records/records.html", words.language, 422 if told or described else 200, **context)


def _fields(before: Description | None) -> dict[str, str]:
    if before is None:
        return {"title": "", "organisation": "", "contact_email": "", "licence": "", "abstract": ""}
    return {
        "title": before.title,
        "organisation": before.organisation,
        "contact_email": before.contact_email,
        "licence": before.licence.value,
        "abstract": before.abstract,
    }


@router.get("/review/records/download")
def download(
    request: Request, user: RecordsReader, sessions: Sessions, words: WordsDep, file: FileForm = FileForm.CSV
) -> Response:
    """One file of what was chosen, sent as it is made. Who took what stands in the log."""
    form, _years = _read(request, sessions, words)
    if form.errors:
        return to("/review/records", f"{form.query()}#choose")
    wanted = Download(file, form.wanted, form.shape)
    try:
        pieces = archive.take(sessions, user.user_id, wanted)
    except NotDescribed:
        return to("/review/records", f"{form.query(undescribed='yes')}#description")
    headers = _PRIVATE | {"Content-Disposition": f'attachment; filename="{wanted.filename}"'}
    return StreamingResponse(pieces, media_type=archive.MEDIA_TYPES[file], headers=headers)


@router.post("/review/records")
def describe(
    request: Request,
    user: Coordinator,
    sessions: Sessions,
    words: WordsDep,
    title: Annotated[str, Form()] = "",
    organisation: Annotated[str, Form()] = "",
    contact_email: Annotated[str, Form()] = "",
    licence: Annotated[str, Form()] = "",
    abstract: Annotated[str, Form()] = "",
) -> Response:
    """Say whose the records are, and what one may do with them."""
    typed = {
        "title": title,
        "organisation": organisation,
        "contact_email": contact_email,
        "licence": licence,
        "abstract": abstract,
    }
    errors = {} if licence in set(Licence) else {"licence": words.t("Please choose one.")}
    wanted = Description(title, organisation, contact_email, Licence(licence) if not errors else Licence.CC0, abstract)
    try:
        if errors:
            description.checked(wanted)
        else:
            description.save(sessions, user.user_id, wanted)
    except InvalidInput as error:
        errors |= by_field(error, words)
    if errors:
        return _page(request, user, sessions, words, described=typed, errors=errors)
    form, _years = _read(request, sessions, words)
    return to("/review/records", f"{form.query(saved='yes')}#description")
