"""The command `wingcheck doctor`."""

import itertools
import json
from typing import Annotated

import typer

from app.core.commands import err, out
from app.core.db import make_engine
from app.core.settings import get_settings
from app.core.storage import make_storage
from app.upkeep.doctor import Examination, examine
from app.upkeep.doctor import repair as repair_all

_SHOWN_FINDINGS = 10


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what is safe to repair, and list the repairs.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Don't compare the hash of every photo.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check database, photos and jobs. Exits with 0 if all is well, otherwise with 1."""
    settings = get_settings()
    examination = examine(settings, make_engine(settings.database_url), make_storage(settings), contents=not quick)
    if repair:
        repair_all(examination)
    if as_json:
        findings = [finding.as_json() for finding in examination.findings]
        report = {"healthy": not examination.left, "findings": findings, "skipped": examination.skipped}
        out.print_json(json.dumps(report))
    else:
        _print_examination(examination)
    if examination.left:
        raise typer.Exit(1)


def _print_examination(examination: Examination) -> None:
    by_check = sorted(examination.findings, key=lambda finding: finding.check)
    for check, group in itertools.groupby(by_check, key=lambda finding: finding.check):
        findings = list(group)
        out.print(f"{check}: {len(findings)}", style="bold")
        for finding in findings[:_SHOWN_FINDINGS]:
            out.print(f"  {finding.subject}: {finding.problem}", soft_wrap=True, highlight=False)
            if detail := finding.repaired or finding.advice:
                prefix = "Repaired: " if finding.repaired else ""
                out.print(f"    {prefix}{detail}", soft_wrap=True, highlight=False)
        if len(findings) > _SHOWN_FINDINGS:
            out.print(f"  … and {len(findings) - _SHOWN_FINDINGS} more; --json lists all")
    if examination.skipped:
        err.print(f"Not checked until that is repaired: {', '.join(examination.skipped)}.")
    if not examination.findings:
        out.print("All is well.")
    elif not examination.left:
        out.print(f"All {len(examination.findings)} problems were repaired.")
    else:
        repairable = sum(finding.mend is not None for finding in examination.left)
        hint = f"; 'wingcheck doctor --repair' mends {repairable} of them" if repairable else ""
        out.print(f"{len(examination.left)} problems{hint}.")
