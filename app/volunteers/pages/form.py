"""The form of a new submission, and the search for animals that helps to fill it in."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from app.core.crash_points import reach
from app.core.db import reading
from app.core.errors import IdempotencyMismatch, InvalidSubmission
from app.core.settings import Settings
from app.core.web import problems
from app.core.web.dependencies import LanguageDep, ReadSession, SettingsDep
from app.core.web.errors import field_errors, wants_json
from app.core.web.pages import render
from app.core.web.uploads import PredictionRoute, SubmissionRoute, chosen, done
from app.organisation import details as organisation
from app.organisation.rules import Licence
from app.predictions.api import photo_problem
from app.predictions.classifiers import Served
from app.predictions.dependencies import ClassifiersDep, served_now
from app.predictions.inference import PhotoError
from app.submissions import volunteers
from app.submissions.form import NO_LICENCE, NewSubmission, SubmissionForm, Trimmed
from app.submissions.new_submission import LONGEST_KEY, Sender
from app.taxa.views import taxon_view
from app.volunteers.dependencies import SHOWS_NEWS, SubmissionsDep, VolunteerCookieDep, VolunteerKey, private
from app.volunteers.submissions import Receipt, Submissions

router = APIRouter(include_in_schema=False, route_class=SubmissionRoute)
finding = APIRouter(include_in_schema=False, route_class=PredictionRoute)
ACCEPT = "image/jpeg,image/png,image/webp,image/heic,image/heif,.heic,.heif,.mpo"


class PageForm(SubmissionForm):
    """As browsers send it: what nobody chose is not there at all."""

    file: list[Any] = Field(default_factory=list)
    claim: Annotated[str, Trimmed] = ""
    shown: list[str] = Field(default_factory=list)
    idempotency_key: str = ""


async def _served(classifiers: ClassifiersDep) -> Served:
    return await served_now(classifiers)


@dataclass(frozen=True)
class FormPage:
    """Renders the form in the language of the request."""

    request: Request
    settings: SettingsDep
    language: LanguageDep
    served: Annotated[Served, Depends(_served)]

    def render(
        self, fields: dict[str, str], error: InvalidSubmission | None = None, choose_again: Sequence[str] = ()
    ) -> Response:
        """The form with these fields filled in, what was wrong with them, and the photos that the browser has not kept."""
        with reading(self.request.app.state.sessions) as session:
            ours = organisation.current(session)
        return render(
            self.request,
            "volunteers/new.html",
            status=422 if error else 200,
            taxa=[taxon_view(taxon, self.language) for taxon in self.served.taxa],
            searches=self.served.info.finder is not None,
            form={"training": _yes_or_no(ours.training), "photo_licence": ours.photo_licence or NO_LICENCE} | fields,
            organisation=ours,
            licences=list(Licence),
            errors=self._by_field(error) if error else {},
            choose_again=choose_again,
            limits={
                "max_photos": self.settings.max_photos_per_submission,
                "max_megabytes": self.settings.max_file_megabytes,
                "accept": ACCEPT,
            },
            idempotency_key=fields.get("idempotency_key") or secrets.token_urlsafe(18),
        )

    def _by_field(self, error: InvalidSubmission) -> dict[str, str]:
        by_field: dict[str, str] = {}
        for line in field_errors(error, self.language):
            message = f"{line['filename']}: {line['message']}" if "filename" in line else line["message"]
            by_field[line["field"]] = f"{by_field.get(line['field'], '')} {message}".strip()
        return by_field


def _yes_or_no(choice: bool) -> str:
    return "yes" if choice else "no"


FormPageDep = Annotated[FormPage, Depends()]


@router.get("/", dependencies=[SHOWS_NEWS])
def new(session: ReadSession, page: FormPageDep, cookie: VolunteerCookieDep, key: VolunteerKey) -> Response:
    """The form. Its holder gets a cookie now, so that even a double click on "send" comes from one volunteer."""
    volunteer = volunteers.find(session, key)
    fields = {"email": (volunteer.email or "") if volunteer else ""}
    if volunteer is not None and (said := volunteers.last_permissions(session, volunteer)):
        training, licence = said
        fields |= {"training": _yes_or_no(training), "photo_licence": licence or NO_LICENCE}
    answer = private(page.render(fields))
    cookie.write(answer, key or volunteers.new_key())
    return answer


@router.post("/submissions")
async def create(
    request: Request,
    form: Annotated[PageForm, Form(media_type="multipart/form-data")],
    page: FormPageDep,
    submissions: SubmissionsDep,
    cookie: VolunteerCookieDep,
    key: VolunteerKey,
) -> Response:
    """Take the form. Scripts get JSON, others are sent on to the submission's page."""
    submission = form.submission(page.language.code, form.shown)
    sender = Sender.of(key, form.idempotency_key[:LONGEST_KEY])
    try:
        receipt = await done(request.app.state.submission_line, partial(_submit, submissions, submission, sender))
    except InvalidSubmission as error:
        if wants_json(request):
            raise
        fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        unusable = {mistake.filename for mistake in error.errors}
        again = [photo.filename for photo in submission.photos if photo.filename not in unusable]
        return await run_in_threadpool(page.render, fields, error, again)
    url = f"/s/{receipt.token}" + ("?again=1" if receipt.duplicate else "")
    answer: Response
    if wants_json(request):
        answer = JSONResponse({"url": url, "duplicate": receipt.duplicate}, 200 if receipt.duplicate else 201)
    else:
        answer = RedirectResponse(url, 303)
    cookie.write(answer, receipt.volunteer_key)
    answer.background = BackgroundTask(reach, "answered")
    return answer


def _submit(submissions: Submissions, new: NewSubmission, sender: Sender) -> Receipt:
    """A page reached by "back" still carries the old key: other content under it is another submission."""
    try:
        return submissions.submit(new, sender)
    except IdempotencyMismatch:
        return submissions.submit(new, Sender(sender.volunteer_key, secrets.token_urlsafe(18)))


@finding.post("/find")
async def find(classifiers: ClassifiersDep, settings: SettingsDep, file: Annotated[UploadFile, File()]) -> Response:
    """Squares around the animals of a photo, the surest first, as fractions of the upright photo. Nothing is kept.

    ``searched`` is false where the version in service can't search.
    """
    if (file.size or 0) > settings.max_file_megabytes * 1_000_000:
        return _refused(None, settings)
    served = await served_now(classifiers)
    if served.info.finder is None:
        return JSONResponse({"searched": False, "squares": []})
    [photo] = chosen([file])
    animals = await asyncio.wrap_future(classifiers.begin_to_find(served, photo.content, photo.size))
    if isinstance(animals, PhotoError):
        return _refused(animals, settings)
    squares = [vars(animal.square) | {"score": animal.score} for animal in animals]
    return JSONResponse({"searched": True, "squares": squares})


def _refused(error: PhotoError | None, settings: Settings) -> Response:
    problem = photo_problem(error, settings.max_file_megabytes)
    return JSONResponse(problem.model_dump(), problem.status, media_type=problems.MEDIA_TYPE)


router.include_router(finding)
