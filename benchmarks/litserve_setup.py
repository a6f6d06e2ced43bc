"""LitServe in an environment of its own, `.venv-litserve` beside `.venv`, made at first use."""

import subprocess
import sys
import venv
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".venv-litserve"
WANTED = ["litserve==0.2.19", "pyzmq==27.3.0", "python-multipart", "ai-edge-litert", "numpy", "pillow", "pillow-heif"]


def python() -> Path:
    """The environment's interpreter. Whatever Wingcheck has, too, has the same version there."""
    pins = sorted({f"{each.name}=={each.version}" for each in distributions() if each.name != "wingcheck"})
    mark, wanted = FOLDER / "installed.txt", "\n".join([sys.version, *WANTED, *pins])
    found = FOLDER / "bin" / "python"
    if not mark.exists() or mark.read_text() != wanted:
        print(f"Installing LitServe into {FOLDER}; the first time takes a minute", file=sys.stderr)
        venv.create(FOLDER, clear=True, with_pip=True)
        constraints = FOLDER / "constraints.txt"
        constraints.write_text("\n".join(pins))
        command = [found, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", constraints, *WANTED]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        mark.write_text(wanted)
    return found
