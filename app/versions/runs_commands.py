"""`wingcheck retrain` and `wingcheck runs`: what an admin does on the page of training runs."""

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from app.core.commands import out, sessions
from app.core.db import reading
from app.core.dispatch import Dispatcher
from app.core.long_work import RunState, newest
from app.core.settings import get_settings
from app.versions.rules import PhotoSelection, Start, Trigger
from app.versions.runs import Plan, RunRequest, Runs, get
from app.versions.tables import TrainingRun

runs = typer.Typer(no_args_is_help=True, help="Training runs: list, show, cancel, retry.")


def use_cases() -> Runs:
    """Runs on the configured database and queue."""
    settings = get_settings()
    return Runs(sessions(), settings, Dispatcher(settings.queue_url).send)


def retrain(
    config: Annotated[str, typer.Option(help="Experiment or config file; default: from the settings.")] = "",
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    from_active: Annotated[
        bool, typer.Option("--from-active", help="Start from the weights of the version in service.")
    ] = False,
    base: Annotated[
        list[str] | None, typer.Option(help="Only this base data set; repeatable. 'none' for none.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Scientific name of a species to distinguish; repeatable.")
    ] = None,
    code: Annotated[list[str] | None, typer.Option(help="Verification status to include; repeatable.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Verified on this day or later.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Verified before this day.")] = None,
    experts: Annotated[int, typer.Option(min=1, help="Minimum number of experts.")] = 1,
    agreement: Annotated[float, typer.Option(min=0, max=1, help="Minimum agreement between them.")] = 0.0,
    minutes: Annotated[int | None, typer.Option(min=1, help="Time limit.")] = None,
    megabytes: Annotated[int | None, typer.Option(min=1, help="Memory limit.")] = None,
    values: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Value of the config.")] = None,
    insist: Annotated[bool, typer.Option("--insist", help="Start even if nothing is new.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only show the training plan.")] = False,
) -> None:
    """Train a new model version on base data and expert-verified photos, in the background."""
    request = RunRequest(
        config=config,
        selection=PhotoSelection(tuple(code or ("V1", "V2")), _utc(since), _utc(until), experts, agreement),
        bases=None if base is None else tuple(path for path in base if path != "none"),
        labels=tuple(label or ()),
        start=Start.ACTIVE if from_active else Start.SCRATCH,
        epochs=epochs,
        seed=seed,
        values=dict(_pair(value) for value in values or []),
        time_limit_minutes=minutes,
        memory_limit_megabytes=megabytes,
        insist=insist,
    )
    if plan:
        _show_plan(use_cases().plan(request))
        return
    number = use_cases().start(request, None, Trigger.COMMAND_LINE)
    out.print(f"Run {number} is queued; 'wingcheck runs show {number}' shows its progress.")


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


def _pair(assignment: str) -> tuple[str, str]:
    key, equals, value = assignment.partition("=")
    if not equals:
        raise typer.BadParameter(f"{assignment!r} is not KEY=VALUE")
    return key, value


def _show_plan(plan: Plan) -> None:
    for part, counts in plan.choice.counts.items():
        news = plan.choice.new_counts[part]
        listed = ", ".join(f"{count} {name} ({news.get(name, 0)} new)" for name, count in counts.items())
        out.print(f"verified photos, {part}: {listed or 'none'}", soft_wrap=True)
    for base in plan.choice.bases:
        out.print(f"base data: {base.path} ({base.files} files)", soft_wrap=True)
    out.print(plan.pointless or "There is new training data.", soft_wrap=True)


@runs.command("list")
def list_runs() -> None:
    """List the latest runs, newest first."""
    with reading(sessions()) as session:
        table = Table("run", "state", "phase", "epoch", "started by", "version")
        for run in newest(session, TrainingRun):
            version = f"{run.model_version.name} {run.model_version.version}" if run.model_version else ""
            who = run.user.name if run.user else run.cause.value
            table.add_row(str(run.id), _state(run).value, run.phase, f"{run.epoch}/{run.epochs}", who, version)
        out.print(table)


@runs.command("show")
def show(
    number: Annotated[int, typer.Argument(help="Number of the run.")],
    follow: Annotated[bool, typer.Option("--follow", help="Keep showing until it ends.")] = False,
) -> None:
    """Show a run: phase, epochs, the end of its log. Exits with 1 if it failed or was cancelled."""
    shown = -1
    while True:
        with reading(sessions()) as session:
            run = get(session, number)
            state = _state(run)
            if run.revision != shown:
                _show(run, state)
                shown = run.revision
        if state.over or not follow:
            break
        time.sleep(1)
    if state in {RunState.FAILED, RunState.CANCELLED}:
        raise typer.Exit(1)


def _show(run: TrainingRun, state: RunState) -> None:
    speed = f", {run.images_per_second:.0f} images/s" if run.images_per_second else ""
    left = f", about {timedelta(seconds=round(run.seconds_left))} left" if run.seconds_left else ""
    out.print(f"run {run.id}: {state}, {run.phase}, epoch {run.epoch} of {run.epochs}{speed}{left}", soft_wrap=True)
    for epoch in run.curves[-3:]:
        out.print(
            "  " + ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in epoch.items()), soft_wrap=True
        )
    if run.job.error:
        out.print(f"  {run.job.error}", soft_wrap=True)
    if state.over and run.model_version:
        out.print(f"  made {run.model_version.name} {run.model_version.version}", soft_wrap=True)
    elif run.log:
        out.print("\n".join("  " + line for line in run.log.splitlines()[-5:]), soft_wrap=True)


@runs.command("cancel")
def cancel(number: int) -> None:
    """Cancel a run; a running one stops within seconds."""
    use_cases().cancel(number, None)
    out.print(f"Run {number} is being cancelled.")


@runs.command("retry")
def retry(number: int) -> None:
    """Queue a failed or cancelled run again; it continues where it stopped."""
    use_cases().retry(number, None)
    out.print(f"Run {number} is queued.")


def _state(run: TrainingRun) -> RunState:
    return run.state(timedelta(seconds=get_settings().job_lost_seconds))
