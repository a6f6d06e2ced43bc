"""Where people go: the pages of the header by role, the way to sign in and back. A new page for users gets its line here."""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request

from app.core.roles import Role
from app.core.web.visitors import SignedIn

_ = str  # marks messages for extraction; templates translate them

SIGN_IN = "/sign-in"
_ACCOUNT = "/account"


@dataclass(frozen=True)
class Entry:
    """A page in the header. ``label`` is translated by the template; ``also``: other pages that belong under it."""

    path: str
    label: str
    role: Role
    also: tuple[str, ...] = ()

    def match_length(self, path: str) -> int:
        """How much of a page's path belongs to this entry; 0: the page is elsewhere."""
        matches = [own for own in (self.path, *self.also) if path == own or path.startswith(own + "/")]
        return max(map(len, matches), default=0)


_OF_MODELS = ("/admin/runs", "/admin/taxa", "/admin/watch", "/admin/policies", "/admin/replays", "/admin/collections")
ENTRIES: list[Entry] = [
    Entry("/review", _("Review"), Role.REVIEWER),
    Entry("/admin/models", _("Models"), Role.ADMIN, also=_OF_MODELS),
    Entry(
        "/admin/people",
        _("People"),
        Role.ADMIN,
        also=("/admin/api-keys", "/admin/log", "/admin/organisation", "/admin/kept", "/admin/mail"),
    ),
]


def entries_for(user: SignedIn | None) -> list[Entry]:
    """The pages that a user may see, in the order of the header."""
    return [entry for entry in ENTRIES if user is not None and user.may(entry.role)]


def entry_of(entries: list[Entry], path: str) -> Entry | None:
    """The entry that a page belongs under: the longest match."""
    best = max(entries, key=lambda entry: entry.match_length(path), default=None)
    return best if best is not None and best.match_length(path) else None


def start_of(role: Role) -> str:
    """The start page of a role."""
    return next((entry.path for entry in ENTRIES if role.includes(entry.role)), _ACCOUNT)


def local(address: str, otherwise: str = "/") -> str:
    """The address if it is a page of our own, else ``otherwise``: requests may name any address to go on to."""
    is_local = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_local else otherwise


def sign_in_address(request: Request) -> str:
    """The sign-in page, with the way back to this page, or to the one whose form was sent."""
    if request.method in {"GET", "HEAD"} and "hx-request" not in request.headers:
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    else:
        try:
            page = urlsplit(request.headers.get("referer", ""))
        except ValueError:  # no address, such as "http://["
            return SIGN_IN
        back = page.path + (f"?{page.query}" if page.query else "") if page.netloc == request.url.netloc else ""
    return f"{SIGN_IN}?{urlencode({'next': back})}" if local(back, "") else SIGN_IN
