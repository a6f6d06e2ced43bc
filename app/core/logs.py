"""Log lines: as text or JSON, each with the id of its request, without secrets.

Secrets are not passed to loggers in the first place. The formatter is the second line of defence, for libraries and
tracebacks: it removes passwords in URLs, e-mail addresses and the unguessable parts of links.
"""

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from app.core.settings import Settings

request_id: ContextVar[str] = ContextVar("request_id", default="")

_SECRETS = [
    (re.compile(r"(?<=://)([^\s:/@]{0,200}):[^\s@]{1,500}@"), r"\1:***@"),
    (
        re.compile(
            r"\b(password|passwd|pwd|secret\w*|token|cookie|authorization)\b(['\"]?\s*[=:]\s*)\S+", re.IGNORECASE
        ),
        r"\1\2***",
    ),
    (re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), "[e-mail]"),
    (re.compile(r"/(s|submissions|photos|invitation|reset)/[\w-]{16,}"), r"/\1/***"),
    (re.compile(r"\bwck_[\w-]+"), "wck_***"),
]
# Attributes that every LogRecord has; all others were given as ``extra``.
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id"}


def without_secrets(text: str) -> str:
    """The text with passwords, e-mail addresses and links masked."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class TextFormatter(logging.Formatter):
    """One line of text."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        own_id = getattr(record, "request_id", "")
        head, _, trace = super().format(record).partition("\n")
        line = head + (f" [{own_id}]" if own_id else "") + (f"\n{trace}" if trace else "")
        return without_secrets(line)


class JsonFormatter(logging.Formatter):
    """One JSON object per line; everything given as ``extra`` becomes a member."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if own_id := getattr(record, "request_id", ""):
            line["request_id"] = own_id
        line |= {k: without_secrets(v) if isinstance(v, str) else v for k, v in _extras(record).items()}
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def _stamp(record: logging.LogRecord) -> bool:
    record.request_id = request_id.get()
    return True


def configure(settings: Settings) -> None:
    """Log to standard error. The level applies to our own lines; libraries log from WARNING on.

    At DEBUG they would print what volunteers send: SQLAlchemy every value, Pillow the location in a photo's EXIF data.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_stamp)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    for name in ("app", "ml"):
        logging.getLogger(name).setLevel(settings.log_level)
    logging.getLogger("uvicorn.error").setLevel(max(logging.INFO, logging.getLevelName(settings.log_level)))
    logging.captureWarnings(True)
