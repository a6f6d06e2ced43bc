"""What the OpenAPI document can only name, for Schemathesis: photos, claims of this model version, days that have been."""

from datetime import date, timedelta
from uuid import uuid4

import schemathesis
from email_validator import EmailNotValidError, validate_email
from hypothesis import strategies as st
from schemathesis.transport.serialization import Binary

from tests.app.sending import TAXA
from tests.factories import butterfly, encode

PHOTOS = [encode(butterfly(seed, size=(90, 70))) for seed in range(4)]
YESTERDAY = date.today() - timedelta(days=1)


def _can_exist(address):
    """Not under .test and other names that are no one's."""
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return False
    return len(address) <= 254


schemathesis.openapi.format("photo", st.sampled_from([Binary(photo) for photo in PHOTOS]))
schemathesis.openapi.format("claim", st.sampled_from([*TAXA, "other", "unknown"]))
schemathesis.openapi.format("square", st.sampled_from(["", "0,0,1,1", "0.25,0.1,0.5,0.4"]))
schemathesis.openapi.format("date", st.dates(date(1900, 1, 2), YESTERDAY).map(date.isoformat))
schemathesis.openapi.format("email", st.emails().filter(_can_exist))
schemathesis.openapi.format("idempotency-key", st.just(str(uuid4())))


@schemathesis.hook
def before_call(_context, case, _kwargs):
    # What one answer gives to the next question may be nothing: a version that replaced none names none.
    for name, value in (case.path_parameters or {}).items():
        if value is None:
            case.path_parameters[name] = 1
    # A key belongs to one submission: a good one is a new one each time. Bad ones stay as they are.
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and len(key) == 36:
        case.headers["Idempotency-Key"] = str(uuid4())


@schemathesis.hook
def filter_case(_context, case):
    """Leave out what is not wrong after all.

    In a form everything is text: that a number stands where a text was asked for can't be seen, let alone refused. And what
    breaks one branch of an anyOf (a date that is no date) may satisfy another (no date at all).
    """
    phase = case.meta.phase if case.meta else None
    mutations = getattr(getattr(phase, "data", None), "mutations", None) or []
    in_form = case.media_type == "multipart/form-data"
    return not (in_form and mutations and all(_may_be_right(mutation) for mutation in mutations))


def _may_be_right(mutation):
    asked_for_text = mutation.keywords == ("type",) and mutation.original_value == "string"
    return asked_for_text or "/anyOf/" in mutation.schema_pointer
