"""The four verdicts in a word or two, for tables."""

from app.predictions.rules import Outcome

_ = str  # marks messages for extraction; they are translated when a language is known

OUTCOMES: dict[Outcome, str] = {
    Outcome.AGREE: _("agrees"),
    Outcome.DISAGREE: _("disagrees"),
    Outcome.UNCERTAIN: _("not sure"),
    Outcome.OUT_OF_SCOPE: _("out of scope"),
}
