"""One item over JSON: the next one, opening, deciding, asking, undoing."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Request, Response

from app.services import taxa
from app.services.review.attention import Attention
from app.services.review.decisions import Decisions
from app.services.review.desk import Desk
from app.services.review.questions import Questions
from app.web.api.review.said import decision_of, load, outcome_out, state_out
from app.web.api.review.schemas import (
    AheadOut,
    AnswerIn,
    AskedOut,
    CommentIn,
    CommentOut,
    FoundTaxonOut,
    ItemOut,
    ItemStateOut,
    OutcomeOut,
    QuestionIn,
    SquareIn,
)
from app.web.api.review.shared import FilterDep, Id, Sessions, named, refusals, stale
from app.web.auth import Reviewer
from app.web.dependencies import LanguageDep, ReadSession, SquaresDep
from app.web.forms import parse_square

router = APIRouter(prefix="/api/v1/review", tags=["review"])

_NOT_THERE = "There is nothing to review at this number."
_STALE = "It has changed since it was opened, another reviewer has it open, or it is not for review any more."


# --- whose turn it is ----------------------------------------------------------------------------------------------------


@router.post(
    "/next",
    summary="The item that is worth your time most",
    response_model=ItemOut,
    responses=refusals() | {204: {"description": "Nothing is left that others don't hold."}},
)
def next_item(
    user: Reviewer,
    sessions: Sessions,
    language: LanguageDep,
    wanted: FilterDep,
    after: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The item that you just left.")] = None,
) -> Any:
    """It is yours for some minutes; nobody else gets it meanwhile."""
    found = Desk(sessions).next(user.user_id, wanted, after)
    return Response(status_code=204) if found is None else load(sessions, user.user_id, found, language)


@router.post("/ahead", summary="The items after this one", response_model=AheadOut, responses=refusals())
def ahead(
    user: Reviewer,
    sessions: Sessions,
    wanted: FilterDep,
    count: Annotated[int, Query(ge=1, le=10)] = 3,
    current: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> AheadOut:
    """Yours for two minutes, so that their photos can be loaded ahead."""
    return AheadOut(submission_ids=Desk(sessions).peek(user.user_id, wanted, count, current))


@router.get(
    "/items/{submission_id}", summary="Look at an item", response_model=ItemOut, responses=refusals(_404=_NOT_THERE)
)
def look(user: Reviewer, sessions: Sessions, language: LanguageDep, submission_id: Id) -> ItemOut:
    """Without taking it."""
    return load(sessions, user.user_id, submission_id, language)


@router.post(
    "/items/{submission_id}/open",
    summary="Open an item, or hold it for longer",
    response_model=ItemStateOut,
    responses=refusals(_404=_NOT_THERE),
)
def open_item(user: Reviewer, sessions: Sessions, submission_id: Id) -> ItemStateOut:
    """Yours for some minutes, unless another reviewer has it: see `hold`."""
    return state_out(Desk(sessions).open(user.user_id, submission_id))


@router.post(
    "/items/{submission_id}/release",
    status_code=204,
    summary="Let others have it",
    response_class=Response,
    responses=refusals(),
)
def release(user: Reviewer, sessions: Sessions, submission_id: Id) -> None:
    """Nothing to anybody else's lease."""
    Desk(sessions).release(user.user_id, submission_id)


@router.post(
    "/items/{submission_id}/skip",
    status_code=204,
    summary="Put an item off",
    response_class=Response,
    responses=refusals(_404=_NOT_THERE),
)
def skip(user: Reviewer, sessions: Sessions, submission_id: Id) -> None:
    """For you it comes after everything else today; others may have it."""
    Desk(sessions).skip(user.user_id, submission_id)


# --- what you say --------------------------------------------------------------------------------------------------------


@router.post(
    "/items/{submission_id}/decisions",
    status_code=201,
    summary="Decide",
    response_model=OutcomeOut,
    responses=refusals(_404=_NOT_THERE, _422="A species nobody knows.") | stale(_STALE),
)
def decide(
    user: Reviewer, sessions: Sessions, language: LanguageDep, submission_id: Id, answer: Annotated[AnswerIn, Body()]
) -> OutcomeOut:
    """Refused with what happened meanwhile where the item is not as you saw it."""
    done = Decisions(sessions).decide(user.user_id, submission_id, answer.revision, decision_of(answer))
    return outcome_out(sessions, done, language)


@router.post(
    "/items/{submission_id}/questions",
    status_code=201,
    summary="Ask the volunteer",
    response_model=AskedOut,
    responses=refusals(_404=_NOT_THERE) | stale(_STALE),
)
def ask(user: Reviewer, sessions: Sessions, submission_id: Id, question: QuestionIn) -> AskedOut:
    """The item waits for the answer, which comes back to you."""
    return AskedOut(**vars(Questions(sessions).ask(user.user_id, submission_id, question.revision, question.body)))


@router.put(
    "/items/{submission_id}/photos/{number}/square",
    summary="Draw, move or take away the square of a photo",
    response_model=ItemStateOut,
    responses=refusals(_404=_NOT_THERE, _422="This is no square.") | stale(_STALE),
)
def move_square(
    user: Reviewer,
    sessions: Sessions,
    squares: SquaresDep,
    submission_id: Id,
    number: Annotated[int, Path(ge=1, le=1000, description="Of the photo, from 1.")],
    given: SquareIn,
) -> ItemStateOut:
    """The model looks again, and the item has another revision then: look at it anew."""
    square = parse_square(given.square)
    squares.of_reviewer(user.user_id, submission_id, given.revision, number, square)
    return state_out(Desk(sessions).look(user.user_id, submission_id))


@router.post(
    "/items/{submission_id}/comments",
    status_code=201,
    summary="Leave a remark",
    response_model=CommentOut,
    responses=refusals(_404=_NOT_THERE),
)
def comment(user: Reviewer, sessions: Sessions, submission_id: Id, new: CommentIn) -> CommentOut:
    """For other reviewers; it decides nothing."""
    return CommentOut(identification_id=Decisions(sessions).comment(user.user_id, submission_id, new.remark))


@router.post(
    "/decisions/{identification_id}/undo",
    summary="Take a decision or a question back",
    response_model=OutcomeOut,
    responses=refusals(_404="No such decision of yours.", _409="It can't be undone any more."),
)
def undo(user: Reviewer, sessions: Sessions, language: LanguageDep, identification_id: Id) -> OutcomeOut:
    """By another row; the item is open again, and yours. Undoing twice is once."""
    return outcome_out(sessions, Decisions(sessions).undo(user.user_id, identification_id), language)


@router.get(
    "/photos/{token}/attention.png",
    summary="Where the network looked",
    response_class=Response,
    responses=refusals(_404="No such photo, or its version can't say.")
    | {200: {"content": {"image/png": {}}, "description": "A transparent picture of the photo's shape."}},
)
def attention(
    request: Request, user: Reviewer, token: str, taxon: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """What spoke for a species, by default for the model's own answer."""
    return attention_answer(request.app.state.attention, user.user_id, token, taxon)


def attention_answer(service: Attention, user_id: int, token: str, scientific_name: str) -> Response:
    """The picture, asked for anew each time: the square may be moved, and another version may serve."""
    picture = service.picture(user_id, token, scientific_name)
    return Response(picture, media_type="image/png", headers={"Cache-Control": "private, no-cache"})


@router.get(
    "/taxa", summary="Species by the beginning of a name", response_model=list[FoundTaxonOut], responses=refusals()
)
def find_taxa(
    _user: Reviewer, session: ReadSession, language: LanguageDep, q: Annotated[str, Query(min_length=1, max_length=100)]
) -> list[FoundTaxonOut]:
    """Scientific and vernacular names, in any language; the closest first."""
    return [
        FoundTaxonOut(**named(taxon, language).model_dump(), marks=taxon.marks_in(language.code))
        for taxon in taxa.search(session, q)
    ]
