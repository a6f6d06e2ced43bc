"""`wingcheck models activate|gate|rollback|history`: which version serves, and why."""

from typing import Annotated

import typer

from app.core.commands import err, out, sessions
from app.core.db import reading
from app.core.settings import get_settings
from app.predictions import registry
from app.predictions.tables import ModelActivation
from app.versions import promotion
from app.versions.promotion import GateClosed, Promotion
from app.versions.rules import GateReport

Overrule = Annotated[
    str | None, typer.Option(metavar="REASON", help="Put it into service despite failed checks; the reason is kept.")
]


def gate(name: str, version: str) -> None:
    """Check whether a version may replace the version in service. Exits with 1 if not."""
    report = Promotion(sessions(), get_settings()).gate(version_id(name, version)).report
    show(report)
    if not report.passed:
        raise typer.Exit(1)


def activate(name: str, version: str, overrule: Overrule = None) -> None:
    """Put a registered version into service, if it passes the gate; running servers follow within seconds."""
    promote(version_id(name, version), overrule)


def rollback(
    name: Annotated[str | None, typer.Argument(help="Name; default: the previous version.")] = None,
    version: Annotated[str | None, typer.Argument(help="Its number.")] = None,
    reason: Annotated[str, typer.Option(help="Reason; it is kept.")] = "",
) -> None:
    """Roll back to a version that was in service before, without checks."""
    wanted = version_id(name, version) if name and version else None
    _say(Promotion(sessions(), get_settings()).roll_back(wanted, None, reason))


def history() -> None:
    """Show which versions were put into service, by whom, when and why."""
    with reading(sessions()) as session:
        for row in promotion.history(session):
            version = f"{row.model_version.name} {row.model_version.version}"
            replaced = f", in place of {row.replaced.name} {row.replaced.version}" if row.replaced else ""
            who = f" by {row.user.name}" if row.user else ""
            reason = f": {row.reason}" if row.reason else ""
            out.print(
                f"{row.created_at:%Y-%m-%d %H:%M} UTC  {version}{replaced} ({row.kind}{who}{reason})",
                soft_wrap=True,
                highlight=False,
            )


def version_id(name: str, version: str) -> int:
    """The id of a registered version. Raises NotFound."""
    with reading(sessions()) as session:
        return registry.find_version(session, name, version).id


def promote(wanted: int, overrule: str | None) -> None:
    """Put a version into service, and say so; leave with 1 when the gate refuses."""
    try:
        activation = Promotion(sessions(), get_settings()).promote(wanted, None, overrule=overrule)
    except GateClosed as closed:
        show(closed.report)
        err.print("It does not pass the gate; --overrule REASON puts it into service anyway.", soft_wrap=True)
        raise typer.Exit(1) from closed
    _say(activation)


def show(report: GateReport) -> None:
    """The gate's checks, one a line."""
    for check in report.checks:
        out.print(f"{'passed' if check.passed else 'FAILED'}  {check.name:<12} {check.detail}", soft_wrap=True)


def _say(activation: ModelActivation) -> None:
    version = activation.model_version
    out.print(f"{version.name} {version.version} is in service.")
