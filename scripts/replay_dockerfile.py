"""Replay the steps of the Dockerfile in a clean folder, where no container engine is at hand.

    python scripts/replay_dockerfile.py FOLDER [STAGE ...]        default stages: wheel web worker

Each stage becomes a folder; COPY copies into it (from the build context, as .dockerignore leaves it, or from another
stage); RUN runs in a shell with absolute paths of the image pointing into the folder. Base images, USER, and what only a
container has (a root file system of its own, health checks) are not replayed. `python` is this interpreter in a new virtual
environment; `node` is the one on the PATH.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PLACES = ("/src", "/opt", "/wheels", "/var/lib/wingcheck")


@dataclass
class Stage:
    """One FROM with what follows it."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)


def read(dockerfile: Path) -> dict[str, Stage]:
    """The stages, by name, in their order."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    stages: dict[str, Stage] = {}
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            current = stages[name] = Stage(name, base)
        elif word and word != "ARG":
            current.steps.append((word, rest))
    return stages


def context(target: Path) -> None:
    """The build context: what .dockerignore takes in again, without what it leaves out after that."""
    lines = (CHECKOUT / ".dockerignore").read_text().split()
    wanted = [line[1:] for line in lines if line.startswith("!")]
    unwanted = [line.removeprefix("**/") for line in lines if not line.startswith("!") and line != "*"]
    target.mkdir(parents=True)
    for name in wanted:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)  # a name that is not there is a mistake in .dockerignore
    for name in unwanted:
        shutil.rmtree(target / name, ignore_errors=True)


class Replay:
    """Stages as folders under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stages = read(CHECKOUT / "Dockerfile")
        self.done: set[str] = set()
        context(folder / "context")

    def run(self, name: str) -> Path:
        """The folder of a stage, made if it is not there yet."""
        root = self.folder / "stages" / name
        if name in self.done:
            return root
        stage = self.stages[name]
        if stage.base in self.stages:
            shutil.copytree(self.run(stage.base), root, symlinks=True)
            self._adopt(root, stage.base)
        else:
            root.mkdir(parents=True)
            if stage.base.startswith("python"):
                venv.create(root / "python", with_pip=True)
        print(f"== {name} (from {stage.base})", flush=True)
        here = "/"
        for word, rest in stage.steps:
            if word == "WORKDIR":
                here = rest
                (root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif word == "COPY":
                self._copy(root, here, rest)
            elif word == "RUN":
                self._shell(root, here, rest)
            else:
                print(f"-- not replayed: {word} {rest[:90]}", flush=True)
        self.done.add(name)
        return root

    def _adopt(self, root: Path, base: str) -> None:
        """Scripts and settings of a copied environment name the folder that it was copied from."""
        before, after = str(self.folder / "stages" / base), str(root)
        for path in [*root.glob("*/bin/*"), *root.glob("opt/*/bin/*"), *root.glob("**/pyvenv.cfg")]:
            if path.is_file() and not path.is_symlink() and before.encode() in (data := path.read_bytes()):
                path.write_bytes(data.replace(before.encode(), after.encode()))

    def _copy(self, root: Path, here: str, rest: str) -> None:
        words = shlex.split(rest)
        source = self.folder / "context"
        if words[0].startswith("--from="):
            base = words.pop(0).removeprefix("--from=")
            source = self.run(base)
        *names, last = words
        target = root / os.path.join(here, last).lstrip("/")
        print(f"-- COPY {rest}", flush=True)
        for name in names:
            found = source / name.lstrip("/")
            if found.is_dir():
                shutil.copytree(found, target, dirs_exist_ok=True, symlinks=True)
            else:
                target.mkdir(parents=True, exist_ok=True) if last.endswith("/") else None
                shutil.copy(found, target)
        if "--from=" in rest:
            self._adopt(root, base)

    def _shell(self, root: Path, here: str, command: str) -> None:
        print(f"-- RUN {command}", flush=True)
        if "useradd" in command:
            print("   not replayed: it makes the user of the image", flush=True)
            return
        for place in PLACES:
            command = re.sub(rf"(?<![\w./]){re.escape(place)}\b", str(root / place.lstrip("/")), command)
        path = f"{root / 'python' / 'bin'}:{os.environ['PATH']}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL", "WINGCHECK"))}
        subprocess.run(
            ["/bin/sh", "-ec", command], cwd=root / here.lstrip("/"), env=environment | {"PATH": path}, check=True
        )


def main() -> None:
    """Replay the stages named on the command line."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    replay = Replay(Path(sys.argv[1]).resolve())
    for name in sys.argv[2:] or ["wheel", "web", "worker"]:
        root = replay.run(name)
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        print(json.dumps({"stage": name, "megabytes": round(size / 1e6)}), flush=True)


if __name__ == "__main__":
    main()
