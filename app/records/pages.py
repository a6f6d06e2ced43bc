"""The season's records for coordinators: how many there are, and files of them to give away."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from app.core.db import SessionFactory, reading, utcnow
from app.core.errors import InvalidInput
from app.core.web.auth import RecordsReader
from app.core.web.charts import Axis, Chart, Line, chart
from app.core.web.dependencies import LanguageDep, Sessions
from app.core.web.i18n import Language
from app.organisation import details as organisation
from app.organisation.rules import Licence
from app.records import archive, description, selection, summary
from app.records.archive import Download, NotDescribed
from app.records.archive import Form as FileForm
from app.records.description import Description
from app.records.form import RecordsForm, read_form
from app.records.rules import Precision, Standing
from app.records.summary import Counted, SpeciesCount, Summary
from app.review.pages.shared import CoordinatorContext, DeskContext, to
from app.review.words import Words, capital

router = APIRouter(include_in_schema=False)
_ = str  # marks messages for extraction
_PREVIEWED = 5
_PRIVATE = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}
_STYLES = ("first", "second", "third", "fourth")
_MOST_TICKS = 6
_MOST_WEEKS = 60
_STANDINGS: dict[Standing, str] = {
    Standing.VERIFIED: _("accepted by experts"),
    Standing.PLAUSIBLE: _("plausible"),
    Standing.MACHINE: _("accepted by the computer"),
    Standing.UNDECIDED: _("not decided yet"),
    Standing.NOT_ACCEPTED: _("not accepted"),
}
_PRECISIONS: dict[Precision, str] = {
    Precision.EXACT: _("exact, as given"),
    Precision.HUNDRED_METRES: _("rounded to about 100 metres"),
    Precision.KILOMETRE: _("rounded to about 1 kilometre"),
    Precision.TEN_KILOMETRES: _("rounded to about 10 kilometres"),
    Precision.NONE: _("not included"),
}
_LICENCES: dict[Licence, str] = {
    Licence.CC0: _("CC0: no restrictions"),
    Licence.CC_BY: _("CC BY 4.0: use with credit"),
    Licence.CC_BY_NC: _("CC BY-NC 4.0: non-commercial use with credit"),
}


class _DescriptionForm(BaseModel):
    """The description of the records as it is typed; ``licence`` "" is none yet."""

    title: str = ""
    licence: str = ""
    abstract: str = ""


@router.get("/review/records")
def show(context: CoordinatorContext, saved: str = "", undescribed: str = "") -> Response:
    """The numbers of a time and a species, and what a download would hold. ``undescribed``: an archive was asked for."""
    t = context.words.t
    errors = {"title": t("An archive needs these details. Please fill them in first.")} if undescribed else {}
    return _page(context, errors=errors, flash=t("Saved.") if saved else None)


def _read(request: Request, sessions: SessionFactory, language: Language) -> tuple[RecordsForm, list[int]]:
    """The fields, and the years that there are records of. Unasked, it is this year's, or the last that has any."""
    with reading(sessions) as session:
        years = selection.years(session)
    this = utcnow().year
    season = this if this in years else max(years, default=this)
    return read_form(request.query_params, season, language.code), years


def _page(
    context: DeskContext,
    typed: _DescriptionForm | None = None,
    errors: Mapping[str, str] | None = None,
    flash: str | None = None,
) -> Response:
    """``typed`` and ``errors``: a description that could not be saved, and what is wrong with its fields."""
    words = context.words
    form, years = _read(context.request, context.sessions, words.language)
    with reading(context.sessions) as session:
        counts = summary.summary(session, form.wanted)
        extent = summary.extent(session, form.wanted)
        current, changed_at = description.current(session), description.changed_at(session)
        publisher = organisation.current(session)
    mistakes = context.errors_by_field(InvalidInput(form.errors))
    return context.page(
        "records/records.html",
        422 if mistakes or typed else 200,
        form=form,
        errors=mistakes | dict(errors or {}),
        years=years,
        summary=counts,
        accepted=sum((row.accepted for row in counts.species), Counted()),
        standings={standing: words.t(text) for standing, text in _STANDINGS.items()},
        precisions={precision: words.t(text) for precision, text in _PRECISIONS.items()},
        licences={licence: words.t(text) for licence, text in _LICENCES.items()},
        weeks=_weeks(counts, words),
        extent=extent,
        preview=archive.preview(context.sessions, context.user_id, form.wanted, form.shape, _PREVIEWED),
        described=typed or (_DescriptionForm(**asdict(current)) if current else _DescriptionForm()),
        publisher=publisher,
        is_described=current is not None and bool(publisher.name and publisher.contact_email),
        described_wrongly=bool(errors),
        changed_at=changed_at,
        flash=flash,
    )


@dataclass(frozen=True)
class _Weeks:
    """Records of several species by week: a chart, and the same as a table of ``names`` and rows of week and counts."""

    picture: Chart
    names: list[str]
    rows: list[tuple[str, list[int]]]


def _weeks(counts: Summary, words: Words) -> _Weeks | None:
    """Accepted records of the most frequent species, week by week; None for less than two weeks, or for several seasons."""
    frequent = sorted((row for row in counts.species if row.taxon and row.weeks), key=lambda row: -row.weeks.total())
    shown = frequent[: len(_STYLES)]
    seen = {week for row in shown for week in row.weeks}
    span = (max(seen) - min(seen)).days // 7 if seen else 0
    if not 1 <= span <= _MOST_WEEKS:
        return None
    weeks = [min(seen) + timedelta(weeks=number) for number in range(span + 1)]
    days = [words.language.short_date(week) for week in weeks]
    names = [capital(words.name(row.taxon.scientific_name if row.taxon else None)) for row in shown]
    table = [(day, [row.weeks[week] for row in shown]) for day, week in zip(days, weeks, strict=True)]
    return _Weeks(_picture(shown, names, weeks, days, words), names, table)


def _picture(
    shown: Sequence[SpeciesCount], names: list[str], weeks: list[date], days: list[str], words: Words
) -> Chart:
    lines = [
        Line(name, style, [(number, row.weeks[week]) for number, week in enumerate(weeks)])
        for row, name, style in zip(shown, names, _STYLES, strict=False)
    ]
    highest = max(max(row.weeks.values()) for row in shown)
    step = -(-len(weeks) // _MOST_TICKS)
    ticks = tuple((float(number), days[number]) for number in range(0, len(weeks), step))
    return chart(
        words.t("Accepted records of each species by week"),
        Axis(words.t("week of"), 0.0, float(len(weeks) - 1), named=ticks),
        Axis(words.t("records"), 0.0, max(5.0, 1.05 * highest), percent=False),
        lines,
    )


@router.get("/review/records/download")
def download(
    request: Request, user: RecordsReader, sessions: Sessions, language: LanguageDep, file: FileForm = FileForm.CSV
) -> Response:
    """One file of what was chosen, sent as it is made. Who took what stands in the log."""
    form, _years = _read(request, sessions, language)
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
def describe(context: CoordinatorContext, typed: Annotated[_DescriptionForm, Form()]) -> Response:
    """Say whose the records are, and what one may do with them."""
    errors = {} if typed.licence in set(Licence) else {"licence": context.words.t("Please choose one.")}
    fields: dict[str, Any] = typed.model_dump()
    wanted = Description(**fields | {"licence": Licence.CC0 if errors else Licence(typed.licence)})
    try:
        if errors:
            description.checked(wanted)
        else:
            description.save(context.sessions, context.user_id, wanted)
    except InvalidInput as error:
        errors |= context.errors_by_field(error)
    if errors:
        return _page(context, typed, errors)
    form, _years = _read(context.request, context.sessions, context.words.language)
    return to("/review/records", f"{form.query(saved='yes')}#description")
