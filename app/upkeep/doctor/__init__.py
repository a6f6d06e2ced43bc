"""What is wrong, and what can safely be repaired: the examination behind `wingcheck doctor`."""

from app.upkeep.doctor.examination import Examination, examine, repair
from app.upkeep.doctor.findings import Finding

__all__ = ["Examination", "Finding", "examine", "repair"]
