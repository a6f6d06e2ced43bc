"""Two versions side by side: on the same photos where they were measured on those, else by the figures that each brings."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from app.core.db import reading
from app.core.web.dependencies import ReadSession
from app.predictions.tables import ModelVersion
from app.versions import comparisons, model_versions, promotion
from app.versions.comparisons import RunComparison
from app.versions.pages.figures import Figures
from app.versions.pages.frame import Page
from app.versions.replays import Replays

router = APIRouter(prefix="/admin/models/compare", include_in_schema=False)
VersionNumber = Annotated[int | None, Query(ge=1, le=2**31)]


@router.get("")
def show(
    page: Page, session: ReadSession, a: VersionNumber = None, b: VersionNumber = None, asked: bool = False
) -> Response:
    """The comparison of two versions, or the question which."""
    first, second = (promotion.get(session, number) if number is not None else None for number in (a, b))
    context: dict[str, Any] = {
        "versions": [row.version for row in model_versions.all_versions(session)],
        "first": first,
        "second": second,
        "flash": page.words.t("The photos are being checked. Reload this page later.") if asked else None,
    }
    if first is None or second is None or first.id == second.id:
        return page.render("versions/compare.html", **context)
    comparison = comparisons.compare(session, first, second)
    run_comparison = comparisons.of_run(session, first, second)
    figures = [Figures(page.words, version) for version in (first, second)]
    return page.render(
        "versions/compare.html",
        **context,
        comparison=comparison,
        run_comparison=run_comparison,
        waiting=comparison.unanswered if comparison else len(comparisons.measuring_photos(session)),
        candidate=_candidate(first, second),
        most_listed=comparisons.MOST_LISTED,
        species=_species(figures, run_comparison),
        figures=_figures(figures),
    )


def _species(figures: list[Figures], run_comparison: RunComparison | None) -> list[list[str]]:
    """A row per species: the recall of each version, and on the same photos the difference in percentage points."""
    rows: dict[str, list[str]] = {}
    for place, own in enumerate(figures):
        for name, _photos, recall, *_others in own.per_label:
            rows.setdefault(name, ["–", "–", ""])[place] = recall
    for label, gain in run_comparison.recall.items() if run_comparison else ():
        row = rows.setdefault(figures[0].name(label), ["–", "–", ""])
        row[2] = f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} … {100 * gain.high:+.1f})"
    return [[name, *row] for name, row in rows.items()]


def _figures(figures: list[Figures]) -> list[list[str]]:
    """A row per figure that either brings: what each says, on the photos that it was measured on."""
    rows: dict[str, list[str]] = {}
    for place, own in enumerate(figures):
        for name, figure, _hint in own.species:
            rows.setdefault(name, ["–", "–"])[place] = str(figure)
    return [[name, *row] for name, row in rows.items()]


def _candidate(first: ModelVersion, second: ModelVersion) -> ModelVersion | None:
    """The one that does not serve, where the other does: it may be let look at photos."""
    if first.active == second.active:
        return None
    return second if first.active else first


@router.post("")
def look(page: Page, a: Annotated[int, Form(ge=1, le=2**31)], b: Annotated[int, Form(ge=1, le=2**31)]) -> Response:
    """Let the one that does not serve look at the photos that measure."""
    with reading(page.sessions) as session:
        candidate = _candidate(promotion.get(session, a), promotion.get(session, b))
    use_cases = Replays(page.sessions, page.request.app.state.send_message)
    use_cases.start(candidate.id if candidate else a, page.user.user_id, only_measuring=True)
    return RedirectResponse(f"/admin/models/compare?a={a}&b={b}&asked=true", 303)
