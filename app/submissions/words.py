"""Codes of submissions and verdicts in words; templates and pages translate them."""

from app.predictions.rules import Outcome, Reason
from app.submissions.rules import SubmissionStatus, VerificationStatus

_ = str  # marks messages for extraction

HEADLINES: dict[Outcome, str] = {
    Outcome.AGREE: _("It looks like you are right"),
    Outcome.DISAGREE: _("The computer sees something else"),
    Outcome.UNCERTAIN: _("This one is hard to identify"),
    Outcome.OUT_OF_SCOPE: _("The computer can’t check this photo"),
}

# Whoever did not name a species wants to know what it is.
HEADLINE_OF_SUGGESTION = _("The computer thinks: %(suggested)s")

REASONS: dict[Reason, str] = {
    Reason.AGREES: _("You said %(claim)s, and the computer agrees."),
    Reason.MODEL_DISAGREES: _("You said %(claim)s, but the computer thinks it looks more like %(suggested)s."),
    Reason.NOT_SURE: _("You said %(claim)s. The computer can’t be sure from this photo."),
    Reason.NO_CLAIM: _("You did not name a species, so an expert will do that."),
    Reason.OTHER_CLAIMED: _(
        "You said it is another species. The computer knows only %(known)s, so an expert will look at it."
    ),
    Reason.TAXON_UNKNOWN_TO_MODEL: _("The computer does not know %(claim)s yet, so an expert will look at it."),
    Reason.PHOTOS_CONTRADICT: _("Your photos seem to show different species. Could there be two butterflies?"),
    Reason.SOME_OUT_OF_SCOPE: _("The computer thinks photo %(photo)s does not show %(known)s."),
    Reason.OUT_OF_SCOPE: _("The computer thinks it does not look like %(known)s, the only species it knows."),
    Reason.OUT_OF_SCOPE_AS_CLAIMED: _("You said it is another species, and the computer sees none of those it knows."),
    Reason.NO_ANIMAL: _("The computer could not find a butterfly here."),
    Reason.TWO_ANIMALS: _("There seem to be two butterflies in photo %(photo)s, of different species."),
    Reason.PERHAPS_LOOK_ALIKE: _("You said %(claim)s. The computer thinks it could also be a similar species."),
}

# Where the computer has a name for what is none of the species that it tells apart.
NAMED_REASONS: dict[Reason, str] = {
    Reason.OUT_OF_SCOPE: _("The computer thinks it does not look like %(known)s, but more like %(like)s."),
    Reason.OUT_OF_SCOPE_AS_CLAIMED: _(
        "You said it is another species. The computer thinks it looks most like %(like)s."
    ),
}

# With a suggestion the computer's own view is worth a sentence more.
SUGGESTION = _("The computer thinks it looks most like %(suggested)s.")

NEXT_STEPS: dict[Outcome, str] = {
    Outcome.AGREE: _("Your record is saved. You don’t need to do anything; an expert may check it later."),
    Outcome.DISAGREE: _(
        "Please take a second look. Whatever you answer, your record is saved and an expert will check it."
    ),
    Outcome.UNCERTAIN: _("Your record is saved, and an expert will check it."),
    Outcome.OUT_OF_SCOPE: _("Your record is saved, and an expert will check it."),
}

AFTER_SECOND_LOOK = _("Thank you for looking again. Your record is saved, and an expert will check it.")

ACCEPTED_BY_MACHINE = _("Accepted by the computer. Experts check a random sample of these.")

STATUSES: dict[SubmissionStatus, str] = {
    SubmissionStatus.RECEIVED: _("Received"),
    SubmissionStatus.SCREENED: _("Checked by the computer"),
    SubmissionStatus.AUTO_ACCEPTED: _("Accepted by the computer"),
    SubmissionStatus.FLAGGED: _("Waiting for an expert"),
    SubmissionStatus.QUERIED: _("An expert has a question"),
    SubmissionStatus.VERIFIED: _("Checked by an expert"),
    SubmissionStatus.WITHDRAWN: _("Withdrawn"),
}

VERIFICATIONS: dict[VerificationStatus, str] = {
    VerificationStatus.PENDING: _("not verified yet"),
    VerificationStatus.ACCEPTED_BY_MACHINE: _("accepted by the computer"),
    VerificationStatus.V1: _("accepted, correct"),
    VerificationStatus.V2: _("accepted, considered correct"),
    VerificationStatus.C3: _("plausible"),
    VerificationStatus.R4: _("not accepted, unable to verify"),
    VerificationStatus.R5: _("not accepted, incorrect"),
    VerificationStatus.D: _("queried"),
    VerificationStatus.A: _("answered"),
}

EVENTS: dict[str, str] = {
    "received": _("You sent it"),
    "screened": _("Checked by the computer"),
    "flagged": _("Flagged for an expert"),
    "auto_accepted": _("Accepted by the computer"),
    "claim_kept": _("You took a second look and kept your answer"),
    "claim_changed": _("You took a second look and changed your answer"),
    "two_butterflies": _("You said that there are two butterflies"),
    "one_butterfly": _("You said that there is one butterfly"),
    "corrected": _("You corrected your record"),
    "photos_added": _("You added photos"),
    "square_moved": _("The square around the butterfly was changed"),
    "withdrawn": _("You withdrew it"),
    "asked": _("An expert asked you a question"),
    "answered": _("You answered the question"),
    "lapsed": _("No answer came, so the experts go on without one"),
    "identified": _("Checked by an expert"),
    "undone": _("An expert is checking it again"),
}

FIELDS: dict[str, str] = {
    "claim": _("Species"),
    "individual_count": _("How many"),
    "event_date": _("When"),
    "place": _("Where"),
    "coordinates": _("Coordinates"),
    "note": _("Note"),
    "photos": _("Photos"),
}

NOTHING = _("nothing")

OTHER_SPECIES = _("another species")

DONT_KNOW = _("not sure which")
