"""`wingcheck`, and `python -m app`."""

from app.core.processes import uncollected


def main() -> None:
    """Entry point."""
    with uncollected():
        from app.cli import main as run
    run()


if __name__ == "__main__":
    main()
