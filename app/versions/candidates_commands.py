"""`wingcheck models replay|replays|difference|shadow`: what a version would do before it does anything."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from app.core.commands import out, sessions
from app.core.db import reading
from app.core.dispatch import Dispatcher
from app.core.errors import Conflict
from app.core.settings import get_settings
from app.predictions.classifiers import Classifiers
from app.predictions.registry import serving_for
from app.predictions.rules import Outcome
from app.versions import comparisons, replay_results
from app.versions import watch as watching
from app.versions.comparisons import Scores
from app.versions.promotion import get
from app.versions.promotion_commands import version_id
from app.versions.replay_results import Summary
from app.versions.replays import Replays
from app.versions.shadow import set_shadow


def replay(
    name: str,
    version: str,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of submissions.")] = None,
    measuring: Annotated[bool, typer.Option("--measuring", help="Only evaluation photos.")] = False,
) -> None:
    """Run a version on past submissions and compare it with the version in service; nothing is changed."""
    moment = since.replace(tzinfo=UTC) if since else None
    use_cases = Replays(sessions(), Dispatcher(get_settings().queue_url).send)
    number = use_cases.start(version_id(name, version), None, since=moment, only_measuring=measuring)
    out.print(f"Replay {number} is queued; 'wingcheck models replayed {number}' shows the results.")


def replayed(
    number: Annotated[int | None, typer.Argument(help="Number of the replay; empty: list them.")] = None,
) -> None:
    """Show a replay: verdicts that would change, the queue, disputed acceptances."""
    with reading(sessions()) as session:
        if number is not None:
            _show(replay_results.summary(session, number))
            return
        for row in replay_results.page(session):
            what = "measuring photos" if row.only_measuring else f"{row.submissions} submissions"
            what = "live, in the shadow" if row.live else what
            tried = f"{row.model_version.name} {row.model_version.version}"
            out.print(f"{row.id}: {tried} against {row.against.name} {row.against.version}, {what}", soft_wrap=True)


def _show(found: Summary) -> None:
    out.print(f"{found.done} of {found.submissions} submissions checked, {found.failed} parts failed", soft_wrap=True)
    for (before, after), number in sorted(found.flips.items()):
        out.print(f"  {before} → {after}: {number}")
    out.print(f"for an expert: {found.queue_before} now, {found.queue_after} with this version", soft_wrap=True)
    out.print(
        f"accepted by the computer: {found.accepted_before} now, {found.accepted_after} with this version",
        soft_wrap=True,
    )
    out.print(f"disputed acceptances: {found.disputed}", soft_wrap=True)


def difference(name: str, version: str) -> None:
    """Compare a version with the version in service on evaluation photos, which are never used for training."""
    wanted = version_id(name, version)
    with reading(sessions()) as session:
        candidate = get(session, wanted)
        serving = serving_for(session, candidate.task)
        found = comparisons.compare(session, candidate, serving) if serving else None
        if found is None:
            raise Conflict(
                "There are no photos that both have looked at; 'wingcheck models replay --measuring' lets them look."
            )
    _scores("all", found.overall)
    for species, scores in found.per_species.items():
        _scores(species, scores)
    out.print(
        f"different answers on {len(found.differing)} photos; {found.unanswered} not checked by both", soft_wrap=True
    )


def _scores(what: str, found: Scores) -> None:
    interval = f"{found.low:+.3f} to {found.high:+.3f}"
    shares = f"{found.accuracy:.3f} against {found.other_accuracy:.3f}"
    out.print(
        f"{what}: {shares}, difference {found.difference:+.3f} ({interval}), {found.photos} photos", soft_wrap=True
    )


def shadow(
    name: str,
    version: str,
    off: Annotated[bool, typer.Option("--off", help="Stop shadow mode.")] = False,
) -> None:
    """Shadow mode: run a version on new photos alongside the version in service; the results are not shown."""
    set_shadow(sessions(), version_id(name, version), None, on=not off)
    out.print(f"Shadow mode {'stopped' if off else 'started'} for {name} {version}.")


def watch() -> None:
    """Show the version in service by week: verdicts, agreement with experts, drift."""
    settings = get_settings()
    classifiers = Classifiers(sessions(), settings)
    served = classifiers.current()
    with reading(sessions()) as session:
        weeks = watching.weeks(session, get(session, served.id), served.info.policy.in_scope_threshold)
        alerts = watching.open_alerts(session)
    classifiers.close()
    table = Table(
        "week of", "photos", "agree", "confidence", "in scope", "experts agree", "drift: scores", "scope", "photos"
    )
    for week in weeks:
        verdicts = sum(week.outcomes.values())
        agree = week.outcomes[Outcome.AGREE] / verdicts if verdicts else None
        drift = (week.drift_of_confidence, week.drift_of_scope, week.drift_of_embedding)
        figures = (agree, week.confidence, week.in_scope, week.agreement, *drift)
        table.add_row(str(week.begins), str(week.photos), *("" if each is None else f"{each:.2f}" for each in figures))
    out.print(table)
    for alert in alerts:
        out.print(
            f"week of {alert.week}: {alert.figure} is {alert.value:.2f}, the limit is {alert.limit:.2f}", soft_wrap=True
        )
