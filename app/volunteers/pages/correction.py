"""The form with which a volunteer corrects a submission, until an expert has decided on it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from app.core.errors import Conflict, InvalidSubmission
from app.core.web.errors import field_errors
from app.core.web.pages import render
from app.predictions.classifiers import Served
from app.predictions.dependencies import ClassifiersDep, served_now
from app.predictions.rules import ClaimKind
from app.submissions.form import RecordFields
from app.taxa.views import taxon_view
from app.volunteers.dependencies import CorrectionsDep, LookDep, private
from app.volunteers.views import SubmissionOut

router = APIRouter(include_in_schema=False)


async def _served(classifiers: ClassifiersDep) -> Served:
    return await served_now(classifiers)


class CorrectionPage:
    """Renders the form."""

    def __init__(self, request: Request, look: LookDep, served: Annotated[Served, Depends(_served)]) -> None:
        self._request, self._look, self._served = request, look, served

    def render(
        self, token: str, fields: dict[str, Any] | None = None, error: InvalidSubmission | None = None
    ) -> Response:
        """The form with what was sent, or as the record stands."""
        submission = self._look.at(token)
        if not submission.can_correct:
            return RedirectResponse(submission.url, 303)
        language = self._look.language
        taxa = [taxon_view(taxon, language) for taxon in self._served.taxa]
        claimed = submission.claimed
        if claimed is not None and claimed.scientific_name not in {taxon.scientific_name for taxon in taxa}:
            taxa.append(claimed)  # of an earlier version
        page = render(
            self._request,
            "volunteers/correct.html",
            status=422 if error else 200,
            submission=submission,
            taxa=taxa,
            form=fields or _as_sent(submission),
            errors={line["field"]: line["message"] for line in field_errors(error, language)} if error else {},
        )
        return private(page)


def _as_sent(submission: SubmissionOut) -> dict[str, Any]:
    """The record as the form sends it."""
    fields = {
        name: getattr(submission, name) for name in RecordFields.model_fields if name in SubmissionOut.model_fields
    }
    claim = submission.claimed.scientific_name if submission.claimed else submission.claim_kind
    named = submission.claim_kind == ClaimKind.OTHER
    fields |= {"claim": claim, "claim_text": submission.claim_verbatim if named else ""}
    return {name: "" if value is None else str(value) for name, value in fields.items()}


PageDep = Annotated[CorrectionPage, Depends()]


async def _sent(request: Request) -> dict[str, str]:
    """What was sent, with what was emptied: FastAPI takes that for left out."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


@router.get("/s/{token}/correct")
def ask(token: str, page: PageDep) -> Response:
    """The form, filled in."""
    return page.render(token)


@router.post("/s/{token}/correct")
def correct(
    token: str,
    sent: Annotated[dict[str, str], Depends(_sent)],
    page: PageDep,
    look: LookDep,
    corrections: CorrectionsDep,
) -> Response:
    """Keep what was changed. Once an expert has decided, the submission's page says so."""
    try:
        corrections.correct(token, RecordFields.model_validate(sent))
    except InvalidSubmission as error:
        return page.render(token, sent, error)
    except Conflict:
        text = look.language.gettext("An expert has decided in the meantime, so this can’t be corrected here any more.")
        return look.page(token, status=409, flash=text)
    return RedirectResponse(f"/s/{token}?corrected=1", 303)
