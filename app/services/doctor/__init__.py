"""What is wrong, and what can safely be repaired: the examination behind `wingcheck doctor`."""

from app.services.doctor.examination import Examination, examine, repair
from app.services.doctor.findings import Finding

__all__ = ["Examination", "Finding", "examine", "repair"]
