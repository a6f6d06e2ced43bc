"""Putting a model version into service: past the gate, by an overruling with a reason, or back to one that served before."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, get_or_not_found, reading, transaction
from app.core.errors import Conflict, ModelUnavailable, NotFound
from app.core.settings import Settings
from app.predictions import classifiers, registry
from app.predictions.classifiers import Served
from app.predictions.tables import ActivationKind, ModelActivation, ModelVersion
from app.versions import comparisons
from app.versions.rules import Difference, Figure, GateReport, Limits, Measured, judge

_TRIES = 9
SHORTEST_REASON = 10
PAGE = 50


class GateClosed(Conflict):
    """The gate refuses a version; ``report`` says which checks failed."""

    def __init__(self, report: GateReport) -> None:
        super().__init__(f"The gate does not let this version pass. {report.detail}")
        self.report = report


@dataclass(frozen=True)
class Gate:
    """A report, and the version that served when it was made (None: none did)."""

    report: GateReport
    serving_id: int | None


class Promotion:
    """Gate, promotion and rollback. Versions are loaded here, before the switch: one that can't be loaded is never served."""

    def __init__(self, sessions: SessionFactory, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    def gate(self, version_id: int) -> Gate:
        """What stands for and against a version now. Raises NotFound, or ModelUnavailable when it can't be loaded."""
        with reading(self._sessions) as session:
            version = get(session, version_id)
            serving = registry.serving_for(session, version.task)
            paired = self._paired(session, version, serving) if serving else None
        measured = self._measure(version)
        report = judge(
            measured,
            tuple(serving.labels) if serving else (),
            Figure.read(_species(serving.metrics, "accuracy")) if serving else None,
            limits(self._settings),
            paired,
        )
        return Gate(report, serving.id if serving else None)

    def _paired(self, session: Session, version: ModelVersion, serving: ModelVersion) -> Difference | None:
        """The difference on photos that both have looked at: verified ones that measure, or else those of its training."""
        here = comparisons.compare(session, version, serving)
        if here is not None and here.overall.photos >= self._settings.gate_least_photos:
            return here.as_difference
        accuracy = Figure.read((comparisons.measured_by_run(session, version, serving) or {}).get("accuracy"))
        return Difference(accuracy.value, accuracy.standard_error, accuracy.photos, paired=True) if accuracy else None

    def promote(self, version_id: int, user_id: int | None, *, overrule: str | None = None) -> ModelActivation:
        """Put a version into service. With ``overrule``, a reason in words, also against the gate.

        Raises:
            NotFound: there is no such version.
            Conflict: it serves already, the reason says nothing, or another version was put into service meanwhile.
            GateClosed: the gate refuses it, and nobody overrules.
            ModelUnavailable: it can't be loaded here.
        """
        reason = (overrule or "").strip()
        if overrule is not None and len(reason) < SHORTEST_REASON:
            raise Conflict("Overruling the gate needs a reason that others can understand later.")
        gate = self.gate(version_id)
        if not gate.report.passed and overrule is None:
            raise GateClosed(gate.report)
        kind = ActivationKind.PROMOTED if gate.report.passed else ActivationKind.OVERRULED
        return self._switch(version_id, gate, kind, user_id, reason)

    def roll_back(self, version_id: int | None, user_id: int | None, reason: str = "") -> ModelActivation:
        """Go back to a version that served before; without one, to the one that served last.

        Raises NotFound, Conflict when it never served or serves now, ModelUnavailable when it can't be loaded.
        """
        with reading(self._sessions) as session:
            target = get(session, version_id) if version_id is not None else _before(session, self._settings.task)
            serving = registry.serving_for(session, target.task)
            served = select(ModelActivation.id).where(ModelActivation.model_version_id == target.id).limit(1)
            if session.scalar(served) is None:
                raise Conflict(f"{target.title} never served; promote it.")
        self._measure(target)
        gate = Gate(_NOT_ASKED, serving.id if serving else None)
        return self._switch(target.id, gate, ActivationKind.ROLLED_BACK, user_id, reason.strip())

    def _measure(self, version: ModelVersion) -> Measured:
        with reading(self._sessions) as session:
            served = classifiers.load(session, version, self._settings)
        error = (_species(version.metrics, "calibration_error") or {}).get("value")
        return Measured(
            labels=tuple(version.labels),
            accuracy=Figure.read(_species(version.metrics, "accuracy")),
            calibration_error=float(error) if isinstance(error, int | float) else None,
            megabytes=_loaded_bytes(served) / 1e6,
            milliseconds=_milliseconds(served),
        )

    def _switch(
        self, version_id: int, gate: Gate, kind: ActivationKind, user_id: int | None, reason: str
    ) -> ModelActivation:
        with transaction(self._sessions) as session:
            version = get(session, version_id)
            registry.lock_task(session, version.task)
            serving = registry.serving_for(session, version.task)
            if (serving.id if serving else None) != gate.serving_id:
                raise Conflict("Another version has been put into service; check the figures again.")
            if serving is not None and serving.id == version.id:
                raise Conflict(f"{version.title} serves already.")
            asked = None if gate.report is _NOT_ASKED else asdict(gate.report) | {"passed": gate.report.passed}
            activation = registry.activate(session, version, kind, user_id=user_id, reason=reason, gate=asked)
            details = {"version": version.title, "replaced": serving.title if serving else None, "reason": reason}
            audit.record(session, user_id, f"model.{kind}", f"model:{version.id}", details)
            return activation


_NOT_ASKED = GateReport((), None)


def limits(settings: Settings) -> Limits:
    """The gate's limits, as the settings have them."""
    return Limits(
        margin=settings.gate_margin,
        confidence=settings.gate_confidence,
        calibration_error=settings.gate_max_calibration_error,
        megabytes=settings.gate_max_megabytes,
        milliseconds=settings.gate_max_milliseconds,
    )


def get(session: Session, version_id: int) -> ModelVersion:
    """The registered version. Raises NotFound."""
    return get_or_not_found(session, ModelVersion, version_id, "There is no such model version.")


def install(session: Session, version: ModelVersion, reason: str) -> None:
    """Put into service what the operator names when starting the service; no gate is asked. Idempotent."""
    serving = session.scalar(select(ModelVersion).where(ModelVersion.active).order_by(ModelVersion.activated_at.desc()))
    if serving is None or serving.id != version.id:
        registry.activate(session, version, reason=reason)


def history(session: Session, before: int | None = None, size: int = PAGE) -> list[ModelActivation]:
    """Who put what into service and why, the newest first; ``before``: an id, the page that follows it."""
    query = select(ModelActivation).order_by(ModelActivation.id.desc()).limit(size)
    return list(session.scalars(query if before is None else query.where(ModelActivation.id < before)))


def _before(session: Session, task: str) -> ModelVersion:
    """The version that the one in service replaced. Raises NotFound."""
    query = select(ModelActivation).join(ModelActivation.model_version).where(ModelVersion.active)
    if task:
        query = query.where(ModelActivation.task == task)
    newest = session.scalar(query.order_by(ModelActivation.id.desc()).limit(1))
    if newest is None or newest.replaced is None:
        raise NotFound("No other version was in service before.")
    return newest.replaced


def _species(metrics: dict[str, Any], name: str) -> Any:
    """A figure on species photos, as metrics.json has it; None where it is missing."""
    return (metrics.get("species") or {}).get(name)


def _loaded_bytes(served: Served) -> int:
    folder = served.info.folder
    loaded = folder.glob("*.tflite") if served.recogniser.runtime == "litert" else (folder / "saved_model").rglob("*")
    return sum(path.stat().st_size for path in loaded if path.is_file())


def _milliseconds(served: Served) -> float:
    """The shortest time of several answers about a whole photo: what else the machine does says nothing of the version.

    Raises ModelUnavailable when an answer is no number.
    """
    side = served.recogniser.decoding_side
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (side * 3 // 4, side, 3), np.uint8))
    took = []
    for _ in range(_TRIES):
        begun = time.perf_counter()
        output = served.recogniser.look(photo).output
        took.append(1000 * (time.perf_counter() - begun))
        if not np.isfinite([*output.probabilities, output.in_scope]).all():
            title = f"{served.info.name} {served.info.version}"
            raise ModelUnavailable(f"{title} answers with what is no number.", "version_no_numbers", version=title)
    return min(took)
