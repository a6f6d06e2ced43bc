"""`wingcheck models`: model versions, which one serves and why, and what another one would do before it does anything."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from app.core.commands import err, out, sessions
from app.core.db import reading, transaction
from app.core.dispatch import Dispatcher
from app.core.errors import Conflict
from app.core.settings import get_settings
from app.predictions import registry
from app.predictions.classifiers import Classifiers
from app.predictions.inference import try_out
from app.predictions.rules import Outcome
from app.predictions.tables import ModelVersion
from app.versions import comparisons, promotion, replays
from app.versions import watch as watching
from app.versions.comparisons import Scores
from app.versions.promotion import GateClosed, Promotion
from app.versions.replays import Replays
from app.versions.rules import GateReport
from app.versions.shadow import set_shadow

models = typer.Typer(no_args_is_help=True, help="Model versions: list, compare, import, export, put into service.")
Overrule = Annotated[
    str | None, typer.Option(metavar="REASON", help="Put it into service despite failed checks; the reason is kept.")
]


def _say(text: str) -> None:
    out.print(text, soft_wrap=True)


def _version_id(name: str, version: str) -> int:
    with reading(sessions()) as session:
        return registry.find_version(session, name, version).id


def _promotion() -> Promotion:
    return Promotion(sessions(), get_settings())


@models.command("list")
def list_models() -> None:
    """List model versions, and which one is in service."""
    with reading(sessions()) as session:
        table = Table("task", "name", "version", "active", "labels")
        for row in session.scalars(select(ModelVersion).order_by(ModelVersion.task, ModelVersion.registered_at)):
            table.add_row(row.task, row.name, row.version, "yes" if row.active else "", ", ".join(row.labels))
        out.print(table)


@models.command("import")
def import_model(
    folder: Annotated[Path, typer.Argument(help="Folder of the model version.")],
    activate: Annotated[bool, typer.Option("--activate", help="Put it into service, if it passes the gate.")] = False,
    overrule: Overrule = None,
) -> None:
    """Look at what a model version holds, try it out on one photo, copy it into the data folder and register it."""
    try_out(folder)
    with transaction(sessions()) as session:
        row = registry.import_version(session, folder, get_settings())
    out.print(f"{row.title} is registered.")
    if activate or overrule is not None:
        _promote(row.id, overrule)


@models.command()
def gate(name: str, version: str) -> None:
    """Check whether a version may replace the version in service. Exits with 1 if not."""
    report = _promotion().gate(_version_id(name, version)).report
    _show_checks(report)
    if not report.passed:
        raise typer.Exit(1)


@models.command()
def activate(name: str, version: str, overrule: Overrule = None) -> None:
    """Put a registered version into service, if it passes the gate; running servers follow within seconds."""
    _promote(_version_id(name, version), overrule)


def _promote(version_id: int, overrule: str | None) -> None:
    try:
        activation = _promotion().promote(version_id, None, overrule=overrule)
    except GateClosed as closed:
        _show_checks(closed.report)
        err.print("It does not pass the gate; --overrule REASON puts it into service anyway.", soft_wrap=True)
        raise typer.Exit(1) from closed
    out.print(f"{activation.model_version.title} is in service.")


def _show_checks(report: GateReport) -> None:
    for check in report.checks:
        _say(f"{'passed' if check.passed else 'FAILED'}  {check.name:<12} {check.detail}")


@models.command()
def rollback(
    name: Annotated[str | None, typer.Argument(help="Name; default: the previous version.")] = None,
    version: Annotated[str | None, typer.Argument(help="Its number.")] = None,
    reason: Annotated[str, typer.Option(help="Reason; it is kept.")] = "",
) -> None:
    """Roll back to a version that was in service before, without checks."""
    target = _version_id(name, version) if name and version else None
    activation = _promotion().roll_back(target, None, reason)
    out.print(f"{activation.model_version.title} is in service.")


@models.command()
def history() -> None:
    """Show which versions were put into service, by whom, when and why."""
    with reading(sessions()) as session:
        for row in promotion.history(session):
            replaced = f", in place of {row.replaced.title}" if row.replaced else ""
            who = f" by {row.user.name}" if row.user else ""
            reason = f": {row.reason}" if row.reason else ""
            out.print(
                f"{row.created_at:%Y-%m-%d %H:%M} UTC  {row.model_version.title}{replaced} ({row.kind}{who}{reason})",
                soft_wrap=True,
                highlight=False,
            )


@models.command()
def replay(
    name: str,
    version: str,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of submissions.")] = None,
    measuring: Annotated[bool, typer.Option("--measuring", help="Only evaluation photos.")] = False,
) -> None:
    """Run a version on past submissions and compare it with the version in service; nothing is changed."""
    moment = since.replace(tzinfo=UTC) if since else None
    use_cases = Replays(sessions(), Dispatcher(get_settings().queue_url).send)
    number = use_cases.start(_version_id(name, version), None, since=moment, only_measuring=measuring)
    out.print(f"Replay {number} is queued; 'wingcheck models replayed {number}' shows the results.")


@models.command()
def replayed(
    number: Annotated[int | None, typer.Argument(help="Number of the replay; empty: list them.")] = None,
) -> None:
    """Show a replay: verdicts that would change, the queue, disputed acceptances."""
    with reading(sessions()) as session:
        if number is not None:
            _show_replay(replays.summary(session, number))
            return
        for row in replays.page(session):
            what = "measuring photos" if row.only_measuring else f"{row.submissions} submissions"
            what = "live, in the shadow" if row.live else what
            _say(f"{row.id}: {row.model_version.title} against {row.against.title}, {what}")


def _show_replay(summary: replays.Summary) -> None:
    _say(f"{summary.done} of {summary.submissions} submissions checked, {summary.failed} parts failed")
    for (before, after), number in sorted(summary.flips.items()):
        out.print(f"  {before} → {after}: {number}")
    _say(f"for an expert: {summary.queue_before} now, {summary.queue_after} with this version")
    _say(f"accepted by the computer: {summary.accepted_before} now, {summary.accepted_after} with this version")
    _say(f"disputed acceptances: {summary.disputed}")


@models.command()
def difference(name: str, version: str) -> None:
    """Compare a version with the version in service on evaluation photos, which are never used for training."""
    with reading(sessions()) as session:
        candidate = registry.find_version(session, name, version)
        serving = registry.serving_for(session, candidate.task)
        comparison = comparisons.compare(session, candidate, serving) if serving else None
    if comparison is None:
        raise Conflict(
            "There are no photos that both have looked at; 'wingcheck models replay --measuring' lets them look."
        )
    _show_scores("all", comparison.overall)
    for species, scores in comparison.per_species.items():
        _show_scores(species, scores)
    _say(f"different answers on {len(comparison.differing)} photos; {comparison.unanswered} not checked by both")


def _show_scores(name: str, scores: Scores) -> None:
    interval = f"{scores.low:+.3f} to {scores.high:+.3f}"
    shares = f"{scores.accuracy:.3f} against {scores.other_accuracy:.3f}"
    _say(f"{name}: {shares}, difference {scores.difference:+.3f} ({interval}), {scores.photos} photos")


@models.command()
def shadow(
    name: str,
    version: str,
    off: Annotated[bool, typer.Option("--off", help="Stop shadow mode.")] = False,
) -> None:
    """Shadow mode: run a version on new photos alongside the version in service; the results are not shown."""
    set_shadow(sessions(), _version_id(name, version), None, on=not off)
    out.print(f"Shadow mode {'stopped' if off else 'started'} for {name} {version}.")


@models.command()
def watch() -> None:
    """Show the version in service by week: verdicts, agreement with experts, drift."""
    classifiers = Classifiers(sessions(), get_settings())
    served = classifiers.current()
    with reading(sessions()) as session:
        version = promotion.get(session, served.id)
        weeks = watching.weeks(session, version, served.info.policy.in_scope_threshold)
        alerts = watching.open_alerts(session)
    classifiers.close()
    table = Table(
        "week of", "photos", "agree", "confidence", "in scope", "experts agree", "drift: scores", "scope", "photos"
    )
    for week in weeks:
        drift = (week.drift_of_confidence, week.drift_of_scope, week.drift_of_embedding)
        figures = (week.share(Outcome.AGREE), week.confidence, week.in_scope, week.agreement, *drift)
        shown = ("" if figure is None else f"{figure:.2f}" for figure in figures)
        table.add_row(str(week.begins), str(week.photos), *shown)
    out.print(table)
    for alert in alerts:
        _say(f"week of {alert.week}: {alert.figure} is {alert.value:.2f}, the limit is {alert.limit:.2f}")
