"""Codes of errors and states in words, per language."""

from collections.abc import Callable

from app.core.errors import FieldError, WingcheckError
from app.core.tables import Job
from app.core.web.i18n import Language

_ = str  # marks messages for extraction; they are translated when a language is known

FIELD_ERRORS: dict[str, str] = {
    "list_missing": _("Please choose a file."),
    "list_too_large": _("This file is too large; the limit is %(max)s MB."),
    "list_too_long": _("This list is too long; the limit is %(max)s species."),
    "list_unreadable": _("This file is not a readable list."),
    "list_without_taxa": _("No species found in this file. It needs a header row with a scientific_name column."),
    "photo_missing": _("Please add at least one photo."),
    "too_many_photos": _("Please choose at most %(max)s photos."),
    "photo_too_many_bytes": _("This photo is larger than %(max)s MB. Please choose a smaller one."),
    "photo_too_large": _("This photo is too large for us to open. Please send a smaller version."),
    "photo_unsupported": _("We can’t open this file. Please use JPEG, PNG, WebP or HEIC."),
    "photo_undecodable": _("This photo is damaged. Please try to take or choose it again."),
    "count_range": _("Please enter a whole number from 1 to %(max)s."),
    "date_invalid": _("Please enter a valid date."),
    "days_turned": _("The end date is before the start date."),
    "standings_missing": _("Please choose at least one."),
    "date_in_future": _("This date is in the future."),
    "date_too_early": _("Please enter a date after 1900."),
    "coordinates_half": _("Please enter both latitude and longitude, or neither."),
    "coordinates_range": _("Latitude must be from -90 to 90 and longitude from -180 to 180."),
    "coordinates_invalid": _("Please enter a valid coordinate."),
    "source_unknown": _("The source of this value is not valid."),
    "text_too_long": _("Please use at most %(max)s characters."),
    "claim_missing": _("Please choose the species you saw. “I don’t know” is fine too."),
    "claim_unknown": _("We don’t know this species."),
    "email_invalid": _("Please enter a valid e-mail address."),
    "key_length": _("The key must be %(min)s to %(max)s characters long."),
    "email_missing": _("Please enter an e-mail address."),
    "website_invalid": _("Please enter a web address that starts with https://."),
    "logo_unreadable": _("This file is not a readable picture. Please use PNG, JPEG or WebP."),
    "email_taken": _("There is already an account with this e-mail address."),
    "name_missing": _("Please enter your name; others can see it."),
    "date_in_past": _("This date is in the past."),
    "key_name_missing": _("Please enter what this key is for."),
    "name_length": _("Please enter a name of up to %(max)s characters."),
    "text_missing": _("Please fill this in."),
    "filter_invalid": _("This filter can’t be read."),
    "keywords_missing": _("Please choose at least one species, with at least one keyword."),
    "keywords_many": _("Please enter at most %(max)s keywords."),
    "keyword_twice": _("Each keyword can only be used for one species."),
    "keyword_unusable": _("A keyword can have up to %(max)s characters and no equals sign."),
    "licences_missing": _("Please choose at least one licence."),
    "size_unknown": _("Please choose one of these sizes."),
    "choice_unknown": _("Please choose one of the choices."),
    "kind_unknown": _("Please choose one of the answers."),
    "number_range": _("Please enter a whole number from %(min)s to %(max)s."),
    "scope_above_role": _("The user’s role does not allow these permissions."),
    "scopes_missing": _("Please choose at least one permission."),
    "password_short": _("Please use at least %(min)s characters. Four or five random words are easy to remember."),
    "password_guessed": _("This password is too easy to guess. Please choose another one."),
    "password_same": _("Please choose a password that you have not used before."),
    "password_wrong": _("This is not your current password."),
    "square_invalid": _("The square around the butterfly could not be read. Please draw it again."),
    # What the current state does not allow.
    "flickr_key_missing": _("No Flickr key is set: WINGCHECK_FLICKR_KEY and WINGCHECK_FLICKR_SECRET."),
    "collection_under_way": _("This collection is still running. Cancel it first."),
    "collection_learnt_from": _("Run %(run)s is using this collection and has not finished."),
    "collection_undecided": _("No photo of this collection has been confirmed yet."),
    "collection_gone": _("This collection no longer exists."),
    "run_value": _("A run can’t set %(value)s; only values of these sections: %(sections)s."),
    "base_unknown": _("%(path)s is no known base data set: neither in the settings nor a collection in use."),
    "base_gone": _("The base data set %(path)s does not exist."),
    "base_changed": _("The base data set %(path)s has changed since this run was started."),
    "nothing_serves": _("No model version is in service, so the species for a new one are not known."),
    "nothing_to_learn": _("No training data: no base data set and no expert-verified photos."),
    "nothing_new": _("Nothing is new: run %(run)s used the same photos and settings and produced %(version)s."),
    "snapshot_withdrawn": _("Every photo of this snapshot was withdrawn."),
    "no_version": _("No model version is active."),
    "version_missing": _("The folder of model version %(version)s is missing."),
    "version_no_numbers": _("%(version)s returns values that are not numbers."),
    # Why background work ended, or waits.
    "run_memory": _("The run took %(held)s MB of memory; the limit is %(allowed)s MB."),
    "run_time": _("The run exceeded its time limit."),
    "process_killed": _("The process was killed (%(signal)s)."),
    "process_stopped": _("The process stopped (exit code %(exit_code)s)."),
    "worker_leaves": _("The worker was stopped. Another one will continue."),
    "worker_lost": _("The worker stopped unexpectedly. Another one will continue."),
    "worker_lost_again": _("The worker stopped unexpectedly several times."),
    "taken_over": _("Another worker took over."),
}


def field_message(language: Language, error: FieldError) -> str:
    """The words for one mistake in a form."""
    return language.gettext(FIELD_ERRORS[error.code], **dict(error.params))


def error_message(language: Language, error: WingcheckError) -> str:
    """The words for an error; one without a code has only its English text."""
    return language.gettext(FIELD_ERRORS[error.code], **error.params) if error.code else error.detail


def job_message(language: Language, job: Job) -> str:
    """Why a job failed or waits; empty if nothing is wrong. Messages of other programs are not translated."""
    if job.problem is None:
        return job.error
    words = FIELD_ERRORS[job.problem["code"]]
    return language.gettext(words, **job.problem["params"])


def listed(names: list[str], language: Language, word: Callable[[str], str] | None = None) -> str:
    """Names joined as in a sentence: "a, b or c"."""
    if len(names) < 2:
        return "".join(names)
    return language.gettext("%(most)s or %(last)s", most=", ".join(names[:-1]), last=names[-1])
