"""Codes of the domain in words, per language. The only place where a verdict becomes a sentence."""

from collections.abc import Callable

from app.domain.errors import FieldError, WingcheckError
from app.domain.submission import SubmissionStatus
from app.domain.verdict import Outcome, Reason
from app.domain.verification import VerificationStatus
from app.models import Job
from app.web.i18n import Language

_ = str  # marks messages for extraction; they are translated when a language is known

HEADLINES: dict[Outcome, str] = {
    Outcome.AGREE: _("It looks like you are right"),
    Outcome.DISAGREE: _("The computer sees something else"),
    Outcome.UNCERTAIN: _("This one is hard to tell"),
    Outcome.OUT_OF_SCOPE: _("We can't check this photo by computer"),
}

REASONS: dict[Reason, str] = {
    Reason.AGREES: _("You said %(claim)s, and the photo looks like one to the computer too."),
    Reason.MODEL_DISAGREES: _("You said %(claim)s, but to the computer the photo looks more like %(suggested)s."),
    Reason.NOT_SURE: _("You said %(claim)s. From this photo the computer can't tell that well enough."),
    Reason.NO_CLAIM: _("You did not name a species, so an expert will do that."),
    Reason.OTHER_CLAIMED: _(
        "You said it is another species. The computer knows only %(known)s, so an expert will look at it."
    ),
    Reason.TAXON_UNKNOWN_TO_MODEL: _("The computer does not know %(claim)s yet, so an expert will look at it."),
    Reason.PHOTOS_CONTRADICT: _("Your photos seem to show different species. Could there be two butterflies?"),
    Reason.SOME_OUT_OF_SCOPE: _("Photo %(photo)s does not look like %(known)s to the computer."),
    Reason.OUT_OF_SCOPE: _("It does not look like %(known)s to the computer, and it knows no others."),
    Reason.OUT_OF_SCOPE_AS_CLAIMED: _("You said it is another species, and the computer sees none of those it knows."),
    Reason.NO_ANIMAL: _("The computer could not find a butterfly here."),
    Reason.TWO_ANIMALS: _("There seem to be two butterflies in photo %(photo)s, of different species."),
    Reason.PERHAPS_LOOK_ALIKE: _(
        "You said %(claim)s. To the computer it could also be another species that looks much like it."
    ),
}

# Where the computer has a name for what is none of the species that it tells apart.
NAMED_REASONS: dict[Reason, str] = {
    Reason.OUT_OF_SCOPE: _("To the computer it does not look like %(known)s, but more like %(like)s."),
    Reason.OUT_OF_SCOPE_AS_CLAIMED: _("You said it is another species. To the computer it looks most like %(like)s."),
}

# With a suggestion the computer's own view is worth a sentence more.
SUGGESTION = _("To the computer it looks most like %(suggested)s.")

NEXT_STEPS: dict[Outcome, str] = {
    Outcome.AGREE: _(
        "Your record is kept. An expert looks at the clear ones last, so there is nothing you need to do."
    ),
    Outcome.DISAGREE: _(
        "Please take a second look. Whatever you answer, your record is kept and an expert looks at it."
    ),
    Outcome.UNCERTAIN: _("Your record is kept, and an expert will look at it."),
    Outcome.OUT_OF_SCOPE: _("Your record is kept, and an expert will look at it."),
}
ACCEPTED_BY_MACHINE = _("Accepted by the computer. Experts check a share of these at random.")

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
    "screened": _("The computer looked at it"),
    "flagged": _("Put aside for an expert"),
    "auto_accepted": _("Accepted by the computer"),
    "claim_kept": _("You took a second look and kept your answer"),
    "claim_changed": _("You took a second look and changed your answer"),
    "square_moved": _("The square around the butterfly was changed"),
    "withdrawn": _("You withdrew it"),
    "asked": _("An expert asked you something"),
    "answered": _("You answered the question"),
    "identified": _("An expert looked at it"),
    "undone": _("An expert looks at it once more"),
}

FIELD_ERRORS: dict[str, str] = {
    "list_missing": _("Please choose a file."),
    "list_too_large": _("This list is too large; %(max)s MB are allowed."),
    "list_too_long": _("This list is too long; %(max)s species are allowed."),
    "list_unreadable": _("This file can't be read as a list."),
    "list_without_taxa": _(
        "No species was found in this file. It needs a line of column names, scientific_name among them."
    ),
    "photo_missing": _("Please add at least one photo."),
    "too_many_photos": _("At most %(max)s photos, please."),
    "photo_too_many_bytes": _("This photo is larger than %(max)s MB. Please choose a smaller one."),
    "photo_too_large": _("This photo is too large for us to open. Please send a smaller version."),
    "photo_unsupported": _("This is not a photo that we can open. We take JPEG, PNG, WebP and HEIC."),
    "photo_undecodable": _("This photo is damaged. Please try to take or choose it again."),
    "count_range": _("How many did you see? A whole number from 1 to %(max)s, please."),
    "date_invalid": _("This is not a date."),
    "days_turned": _("The last day lies before the first."),
    "standings_missing": _("Please choose at least one."),
    "date_in_future": _("This day has not come yet."),
    "date_too_early": _("Please give a date after 1900."),
    "coordinates_half": _("Latitude and longitude go together: please give both, or neither."),
    "coordinates_range": _("Latitude runs from -90 to 90 and longitude from -180 to 180."),
    "coordinates_invalid": _("This is not a coordinate."),
    "source_unknown": _("We don't know where this came from."),
    "text_too_long": _("At most %(max)s characters, please."),
    "claim_missing": _("Please say which species you saw. “I don't know” is an answer too."),
    "claim_unknown": _("We don't know this species."),
    "email_invalid": _("This is not an e-mail address."),
    "key_length": _("The key must have from %(min)s to %(max)s characters."),
    "email_missing": _("Please give an e-mail address."),
    "email_taken": _("There is an account with this e-mail address already."),
    "name_missing": _("Please say who you are; others see this name."),
    "date_in_past": _("This day is over already."),
    "key_name_missing": _("Please say what this key is for."),
    "name_length": _("A name of up to %(max)s characters, please."),
    "text_missing": _("Please write something."),
    "filter_invalid": _("This filter can't be read."),
    "keywords_missing": _("Please choose at least one species, with something to search for."),
    "keywords_many": _("At most %(max)s keywords, please."),
    "keyword_twice": _("Each keyword can be listed once, for one species."),
    "keyword_unusable": _("A keyword has up to %(max)s characters and no equals sign in it."),
    "licences_missing": _("Please choose at least one licence."),
    "size_unknown": _("Please choose one of these sizes."),
    "kind_unknown": _("There is no such answer."),
    "number_range": _("A whole number from %(min)s to %(max)s, please."),
    "scope_above_role": _("The owner's role does not reach that far."),
    "scopes_missing": _("Please choose at least one thing that the key may do."),
    "password_short": _("At least %(min)s characters, please. Four or five words in a row are easy to remember."),
    "password_guessed": _("This is among the first that somebody would guess. Please choose another one."),
    "password_same": _("Please choose one that you did not have before."),
    "password_wrong": _("This is not your present password."),
    "square_invalid": _("The square around the butterfly could not be read. Please draw it again."),
    # What the state of things does not allow.
    "flickr_key_missing": _("No Flickr key is set: WINGCHECK_FLICKR_KEY and WINGCHECK_FLICKR_SECRET."),
    "collection_under_way": _("This collection is still under way. Cancel it first."),
    "collection_learnt_from": _("Run %(run)s learns from this collection and is not over yet."),
    "collection_undecided": _("Nobody has decided yet what species a photo of this collection shows."),
    "collection_gone": _("The collection is gone."),
    "run_value": _("A run can't set %(value)s; only values of these sections: %(sections)s."),
    "base_unknown": _(
        "There is no base data set %(path)s: the settings don't name it, and no collection in use is it."
    ),
    "base_gone": _("There is no base data set %(path)s (any more)."),
    "base_changed": _("The base data set %(path)s was changed since this run was started."),
    "nothing_serves": _("No model version serves, so nobody knows which species a new one should tell apart."),
    "nothing_to_learn": _("There is nothing to learn from: no base data set, and no photo that persons decided on."),
    "nothing_new": _("Nothing is new: run %(run)s learnt from the same photos in the same way and made %(version)s."),
    "snapshot_withdrawn": _("Every photo of this snapshot was withdrawn."),
    "no_version": _("No model version is active."),
    "version_missing": _("The folder of model version %(version)s is missing."),
    "version_no_numbers": _("%(version)s answers with what is no number."),
    # Why work in the background ended, or waits.
    "run_memory": _("The run took %(held)s MB of memory; %(allowed)s MB are allowed."),
    "run_time": _("The run took longer than it may."),
    "process_killed": _("The process was killed (%(signal)s)."),
    "process_stopped": _("The process stopped (exit code %(exit_code)s)."),
    "worker_leaves": _("The worker was stopped. Another one goes on."),
    "worker_lost": _("The worker was lost. Another one goes on."),
    "worker_lost_again": _("The worker was lost again and again."),
    "taken_over": _("Another worker took it over."),
}

OTHER_SPECIES = _("another species")
DONT_KNOW = _("not sure which")


def field_message(language: Language, error: FieldError) -> str:
    """What to tell the volunteer about one wrong field."""
    return language.gettext(FIELD_ERRORS[error.code], **dict(error.params))


def error_message(language: Language, error: WingcheckError) -> str:
    """Why something is not possible; an error without a code is told as it is, in English."""
    return language.gettext(FIELD_ERRORS[error.code], **error.params) if error.code else error.detail


def job_message(language: Language, job: Job) -> str:
    """Why a job failed or waits; empty where nothing is wrong. What another program said is told as it is."""
    if job.problem is None:
        return job.error
    words = FIELD_ERRORS[job.problem["code"]]
    return language.gettext(words, **job.problem["params"])


def listed(names: list[str], language: Language, word: Callable[[str], str] | None = None) -> str:
    """Names joined as in a sentence: "a, b or c"."""
    if len(names) < 2:
        return "".join(names)
    return language.gettext("%(most)s or %(last)s", most=", ".join(names[:-1]), last=names[-1])
