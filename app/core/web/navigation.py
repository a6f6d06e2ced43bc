"""What the header leads users to, by role. A new page for users gets its line here."""

from dataclasses import dataclass

from app.core.roles import Role
from app.core.web.visitors import SignedIn

_ = str  # marks messages for extraction; templates translate them


@dataclass(frozen=True)
class Entry:
    """A page of the header. ``label`` is translated where it is shown; ``also``: pages elsewhere that belong to it."""

    path: str
    label: str
    role: Role
    also: tuple[str, ...] = ()

    def nearness(self, path: str) -> int:
        """How much of a page's path leads here; 0: it does not belong under this entry."""
        fits = [each for each in (self.path, *self.also) if path == each or path.startswith(each + "/")]
        return max(map(len, fits), default=0)


_OF_MODELS = ("/admin/runs", "/admin/taxa", "/admin/watch", "/admin/policies", "/admin/replays", "/admin/collections")
ENTRIES: list[Entry] = [
    Entry("/review", _("Review"), Role.REVIEWER),
    Entry(
        "/admin/models",
        _("Models"),
        Role.ADMIN,
        also=_OF_MODELS,
    ),
    Entry("/admin/people", _("People"), Role.ADMIN, also=("/admin/api-keys", "/admin/log")),
]
_ACCOUNT = "/account"


def entries_for(user: SignedIn | None) -> list[Entry]:
    """The pages that a user may see, in the order of the header."""
    return [entry for entry in ENTRIES if user is not None and user.may(entry.role)]


def entry_of(entries: list[Entry], path: str) -> Entry | None:
    """The entry that a page belongs under, of several the nearest."""
    nearest = max(entries, key=lambda entry: entry.nearness(path), default=None)
    return nearest if nearest is not None and nearest.nearness(path) else None


def start_of(role: Role) -> str:
    """Where somebody of that role begins."""
    return next((entry.path for entry in ENTRIES if role.includes(entry.role)), _ACCOUNT)
