"""`wingcheck --help` with commands grouped by purpose, in the order in which they are needed."""

from typing import Any

from typer.core import TyperGroup

CONTENTS = {
    "Run": ("run", "serve", "worker", "predict", "health"),
    "From photos to a model": (
        "collect", "dataset", "augment", "architectures", "train", "evaluate", "explain", "models",
        "retrain", "runs", "draw", "add-activation",
    ),
    "People, species, records": ("users", "volunteer", "taxa", "records"),
    "Look after it": ("doctor", "mail", "backup", "restore", "retention", "db", "migrate-database"),
}  # fmt: skip


class Contents(TyperGroup):
    """Commands under the headings of CONTENTS; others come last, under a heading of their own."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Command names in the order of CONTENTS."""
        order = [name for names in CONTENTS.values() for name in names if name in self.commands]
        for heading, names in CONTENTS.items():
            for name in names:
                if name in self.commands:
                    setattr(self.commands[name], "rich_help_panel", heading)  # noqa: B010 - not every command declares it
        return [*order, *(name for name in super().list_commands(ctx) if name not in order)]
