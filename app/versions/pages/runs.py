"""Training runs: the list, the form for a new one, which first shows its plan, and one run as it goes on."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.collecting import data_sets
from app.collecting.pages.shared import PagesDep, TrainingPages, done_or_late
from app.core.db import reading
from app.core.errors import Conflict
from app.core.web.auth import Admin
from app.core.web.charts import Axis, Chart, Line, chart
from app.core.web.dependencies import ReadSession
from app.core.web.live import Live, WorkView, event_route
from app.review.words import Words
from app.submissions.rules import VerificationStatus
from app.submissions.words import VERIFICATIONS
from app.versions import base_data, model_versions, runs
from app.versions.pages.run_form import CODES, RunForm
from app.versions.rules import PhotoSelection
from app.versions.runs import RunRequest, Runs
from app.versions.snapshots import NOTHING
from app.versions.tables import TrainingRun

router = APIRouter(prefix="/admin/runs", include_in_schema=False)
_ = str  # marks messages for extraction
_PARTS = {"train": _("training"), "test": _("evaluation only")}
_MORE = _("On the same %(photos)s photos it gets %(points)s in 100 more right than %(other)s (%(interval)s).")
_FEWER = _("On the same %(photos)s photos it gets %(points)s in 100 fewer right than %(other)s (%(interval)s).")
_ALIKE = _(
    "On the same %(photos)s photos there is no clear difference from %(other)s: the interval per 100 photos is %(interval)s."
)


def _runs(request: Request) -> Runs:
    return request.app.state.runs


RunsDep = Annotated[Runs, Depends(_runs)]


@router.get("")
def list_runs(
    _user: Admin, pages: PagesDep, session: ReadSession, before: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """The runs, the newest first; those that wait in the order of their turn."""
    shown, older = pages.list_work(session, TrainingRun, before)
    return pages.render(
        "versions/runs.html",
        open=[run for run in reversed(shown) if not run.over],
        over=[run for run in shown if run.over],
        older=older,
        newest=before is not None,
    )


# --- a new one --------------------------------------------------------------------------------------------------------


@router.get("/new")
def ask(_user: Admin, pages: PagesDep) -> Response:
    """The form."""
    with reading(pages.sessions) as session:
        bases = [str(path) for path in base_data.named(pages.settings, session)]
    return _form_page(pages, RunForm(config=pages.settings.retrain_config, codes=["V1", "V2"], bases=bases))


def _form_page(pages: TrainingPages, form: RunForm, **context: Any) -> Response:
    with reading(pages.sessions) as session:
        serving = runs.serving_version(session, pages.settings)
        bases = [str(path) for path in base_data.named(pages.settings, session)]
        numbers = data_sets.numbers_by_path(session, pages.settings)
    shown: dict[str, Any] = {"plan": None, "problem": "", "status": 422 if form.errors else 200} | context
    return pages.render(
        "versions/run_new.html",
        form=form,
        serving=serving,
        codes=[(code, pages.words.t(VERIFICATIONS[VerificationStatus(code)])) for code in CODES],
        bases=[(path, _base_name(pages.words, path, numbers)) for path in bases],
        defaults=pages.settings,
        **shown,
    )


def _form_or(pages: TrainingPages, form: RunForm, act: Callable[[RunRequest], Response]) -> Response:
    """What ``act`` answers; the form with the reason where it can't be read, or where that is not possible."""
    request = form.request(pages.words.language, pages.settings.retrain_config)
    if request is None:
        return _form_page(pages, form)
    try:
        return act(request)
    except Conflict as error:
        return _form_page(pages, form, problem=pages.error(error), status=409)


@router.post("/plan")
def plan(_user: Admin, form: Annotated[RunForm, Form()], pages: PagesDep, use_cases: RunsDep) -> Response:
    """What the run would learn, and whether that is pointless. Starts nothing."""

    def show_plan(request: RunRequest) -> Response:
        plan = use_cases.plan(request)
        choice = plan.choice
        return _form_page(
            pages,
            form,
            plan=plan,
            nothing_new=pages.error(plan.nothing_new) if plan.nothing_new else "",
            photos=_photo_rows(pages, choice.counts, choice.new_counts),
            base_data=_base_lines(pages, [base.as_json() for base in choice.bases]),
        )

    return _form_or(pages, form, show_plan)


@router.post("")
def start(user: Admin, form: Annotated[RunForm, Form()], pages: PagesDep, use_cases: RunsDep) -> Response:
    """Start the run."""
    return _form_or(
        pages,
        form,
        lambda request: RedirectResponse(f"/admin/runs/{use_cases.start(request, user.user_id)}", 303),
    )


Counts = Mapping[str, Mapping[str, int]]
"""Photos by part and scientific name."""


def _photo_rows(pages: TrainingPages, counts: Counts, new: Counts) -> list[list[str]]:
    t, ngettext = pages.words.t, pages.words.language.ngettext
    rows = []
    for part, by_name in counts.items():
        for name, count in by_name.items():
            fresh = new.get(part, {}).get(name, 0)
            rows.append(
                [
                    t("Something else") if name == NOTHING else pages.species([name]),
                    t(_PARTS[part]),
                    str(count),
                    ngettext("one new", "%(num)s new", fresh) if fresh else t("none new"),
                ]
            )
    return rows


def _base_lines(pages: TrainingPages, bases: Sequence[Mapping[str, Any]]) -> list[str]:
    with reading(pages.sessions) as session:
        numbers = data_sets.numbers_by_path(session, pages.settings)
    ngettext = pages.words.language.ngettext
    names = [(_base_name(pages.words, base["path"], numbers), int(base["files"])) for base in bases]
    return [ngettext("%(path)s, one file", "%(path)s, %(num)s files", files, path=name) for name, files in names]


def _base_name(words: Words, path: str, collections: Mapping[str, int]) -> str:
    """A folder of the settings by its path, a collection by its number; ``collections``: these, by their folders."""
    number = collections.get(path.rpartition("/")[0])
    return path if number is None else words.t("Photos from Flickr, collection %(number)s", number=number)


# --- one run ----------------------------------------------------------------------------------------------------------


@router.get("/{run_id}")
def show(_user: Admin, run_id: int, pages: PagesDep, session: ReadSession, refused: str = "") -> Response:
    """The run as it is now; a script keeps it up to date."""
    row = runs.get(session, run_id)
    new: dict[str, dict[str, int]] = {}
    for photo in row.snapshot.photos:
        if photo.is_new:
            of_part = new.setdefault(photo.part.value, {})
            name = photo.taxon.scientific_name if photo.taxon else NOTHING
            of_part[name] = of_part.get(name, 0) + 1
    return pages.render(
        "versions/run.html",
        photos=_photo_rows(pages, row.snapshot.counts, new),
        base_data=_base_lines(pages, row.snapshot.bases),
        selection=_selection(pages.words, PhotoSelection.from_json(row.wanted)),
        problem=pages.words.t("No longer possible: the run has moved on.") if refused else "",
        **_progress(pages, session, pages.work(session, row)),
    )


def _progress(pages: TrainingPages, session: Session, run: WorkView) -> dict[str, Any]:
    """What the changing part of the page shows."""
    row: TrainingRun = run.row
    against = model_versions.compared_with(session, row) if row.comparison else None
    return {
        "run": run,
        "charts": _charts(pages.words, row.curves, row.epochs),
        "comparison": _comparison(pages.words, row),
        "against": against,
    }


def _live(run_id: int, pages: PagesDep) -> Live:
    def look() -> WorkView:
        with reading(pages.sessions) as session:
            return pages.work(session, runs.get(session, run_id))

    def context(run: WorkView) -> dict[str, Any]:
        with reading(pages.sessions) as session:
            return pages.common | _progress(pages, session, run)

    look()
    return Live(look, context)


event_route(router, "/{run_id}/events", _live, "versions/_run.html")


@router.post("/{run_id}/cancel")
def cancel(user: Admin, run_id: int, use_cases: RunsDep) -> Response:
    """Stop it."""
    return done_or_late(lambda: use_cases.cancel(run_id, user.user_id), f"/admin/runs/{run_id}", "refused=late")


@router.post("/{run_id}/retry")
def retry(user: Admin, run_id: int, use_cases: RunsDep) -> Response:
    """Queue it again."""
    return done_or_late(lambda: use_cases.retry(run_id, user.user_id), f"/admin/runs/{run_id}", "refused=late")


def _selection(words: Words, selection: PhotoSelection) -> list[str]:
    """Which photos it was to take, a phrase per condition."""
    t, date = words.t, words.language.date
    codes = [t(VERIFICATIONS[VerificationStatus(code)]) for code in selection.codes]
    phrases = [t("decided as %(what)s", what=" / ".join(codes))]
    if selection.since is not None:
        phrases.append(t("from %(day)s", day=date(selection.since)))
    if selection.until is not None:  # its last moment is not included
        phrases.append(t("until %(day)s", day=date(selection.until - timedelta(microseconds=1))))
    if selection.least_experts > 1:
        phrases.append(t("by at least %(count)s experts", count=selection.least_experts))
    if selection.least_agreement > 0:
        phrases.append(t("with at least %(share)s agreement", share=f"{100 * selection.least_agreement:.0f}%"))
    return phrases


def _charts(words: Words, curves: Sequence[Mapping[str, float]], epochs: int) -> list[Chart]:
    if not curves:
        return []
    t = words.t
    last = max(epochs, *(int(epoch.get("epoch", 0)) for epoch in curves), 2)
    across = Axis(t("epoch"), 0.0, float(last), percent=False)
    loss = _lines(words, curves, "loss", "calibration_loss")
    accuracy = _lines(words, curves, "accuracy", "calibration_accuracy")
    charts = []
    if loss:
        highest = max(y for line in loss for _x, y in line.points)
        up = Axis(t("loss"), 0.0, 1.05 * highest, percent=False)
        charts.append(chart(t("Loss per epoch (lower is better)"), across, up, loss))
    if accuracy:
        lowest = min(y for line in accuracy for _x, y in line.points)
        up = Axis(t("accuracy"), max(0.0, min(0.9, lowest - 0.05)), 1.0)
        charts.append(chart(t("Accuracy per epoch"), across, up, accuracy))
    return charts


def _lines(words: Words, curves: Sequence[Mapping[str, float]], training: str, held_out: str) -> list[Line]:
    lines = []
    for name, style, key in (
        (words.t("training photos"), "second", training),
        (words.t("held-out photos"), "first", held_out),
    ):
        points = [(float(epoch["epoch"]), float(epoch[key])) for epoch in curves if "epoch" in epoch and key in epoch]
        if points:
            lines.append(Line(name, style, points, dotted=len(points) == 1))
    return lines


def _comparison(words: Words, run: TrainingRun) -> str:
    """The new version against the one that served then, in one sentence; empty where they were not compared."""
    comparison = run.comparison or {}
    accuracy, against = comparison.get("accuracy") or {}, comparison.get("against") or {}
    if any(accuracy.get(key) is None for key in ("value", "low", "high")):
        return ""
    return compared(words, accuracy, f"{against.get('name', '?')} {against.get('version', '?')}")


def compared(words: Words, accuracy: Mapping[str, Any], other: str) -> str:
    """A paired difference in accuracy, in one sentence: whether it is more than chance, and for how many photos."""
    value, low, high = (float(accuracy[key]) for key in ("value", "low", "high"))
    params = {
        "points": f"{100 * abs(value):.1f}",
        "interval": f"{100 * low:+.1f} … {100 * high:+.1f}",
        "photos": accuracy.get("photos", "?"),
        "other": other,
    }
    if low <= 0 <= high:
        return words.t(_ALIKE, **params)
    significant = words.t("The difference is statistically significant.")
    return words.t(_MORE if low > 0 else _FEWER, **params) + " " + significant
