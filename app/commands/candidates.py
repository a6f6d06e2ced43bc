"""`wingcheck models replay|replays|difference|shadow`: what a version would do before it does anything."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from app.commands.promotion import version_id
from app.commands.shared import out, sessions
from app.db import reading
from app.domain.errors import Conflict
from app.domain.verdict import Outcome
from app.services import comparisons, replay_results
from app.services import watch as watching
from app.services.classifiers import Classifiers
from app.services.comparisons import Scores
from app.services.dispatch import Dispatcher
from app.services.promotion import get
from app.services.registry import serving_for
from app.services.replay_results import Summary
from app.services.replays import Replays
from app.services.shadow import set_shadow
from app.settings import get_settings


def replay(
    name: str,
    version: str,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Submissions of this day or later.")
    ] = None,
    measuring: Annotated[bool, typer.Option("--measuring", help="Only photos that measure models.")] = False,
) -> None:
    """Let a version look at the season again, beside the one that serves; nothing of it is changed."""
    moment = since.replace(tzinfo=UTC) if since else None
    use_cases = Replays(sessions(), Dispatcher(get_settings().queue_url).send)
    number = use_cases.start(version_id(name, version), None, since=moment, only_measuring=measuring)
    out.print(f"Replay {number} waits for workers; 'wingcheck models replayed {number}' tells what it found.")


def replayed(
    number: Annotated[int | None, typer.Argument(help="Number of the replay; empty: list them.")] = None,
) -> None:
    """What a replay found: verdicts that would be others, the queue, acceptances it disputes."""
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
    out.print(f"{found.done} of {found.submissions} submissions looked at, {found.failed} parts failed", soft_wrap=True)
    for (before, after), number in sorted(found.flips.items()):
        out.print(f"  {before} → {after}: {number}")
    out.print(f"for a person: {found.queue_before} now, {found.queue_after} then", soft_wrap=True)
    out.print(f"accepted by the machine: {found.accepted_before} now, {found.accepted_after} then", soft_wrap=True)
    out.print(f"standing acceptances that it disputes: {found.disputed}", soft_wrap=True)


def difference(name: str, version: str) -> None:
    """Compare a version with the one that serves, on verified photos that measure models and never teach them."""
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
    out.print(f"they differ on {len(found.differing)} photos; {found.unanswered} not looked at by both", soft_wrap=True)


def _scores(what: str, found: Scores) -> None:
    interval = f"{found.low:+.3f} to {found.high:+.3f}"
    shares = f"{found.accuracy:.3f} against {found.other_accuracy:.3f}"
    out.print(
        f"{what}: {shares}, difference {found.difference:+.3f} ({interval}), {found.photos} photos", soft_wrap=True
    )


def shadow(
    name: str,
    version: str,
    off: Annotated[bool, typer.Option("--off", help="End it.")] = False,
) -> None:
    """Let a version look at live photos beside the one that serves; nobody is shown what it says."""
    set_shadow(sessions(), version_id(name, version), None, on=not off)
    out.print(f"{name} {version} {'no longer looks' if off else 'looks'} at live photos.")


def watch() -> None:
    """The version in service week by week: what it says, whether experts agree, whether photos are still like before."""
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
