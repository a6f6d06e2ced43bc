"""What `scripts/try_images.py` asks of docker, podman and buildah: build an image, start it hardened, look at it."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Setting:
    """Where a container runs: its settings, its data folder, and a folder of secrets."""

    environment: dict[str, str]
    data: Path
    secrets: Path


@dataclass(frozen=True)
class Docker:
    """Docker, and podman, which has the same commands."""

    program: str

    def import_base(self, folder: Path, tag: str) -> None:
        """An image with these files and nothing else."""
        with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run([self.program, "import", "-", tag], stdin=tar.stdout, check=True)

    def build(self, target: str, tag: str, options: list[str]) -> None:
        """Build a target of the Dockerfile in the working folder."""
        subprocess.run(
            [self.program, "build", "--network", "host", "--target", target, "--tag", tag, *options, "."], check=True
        )

    def start(self, tag: str, command: list[str], setting: Setting, **streams: Any) -> subprocess.Popen[bytes]:
        """Run a command of the image as compose would; an empty one is the image's own. SIGTERM stops it."""
        words = [self.program, "run", "--rm", "--init", "--network", "host", "--read-only", "--tmpfs", "/tmp"]  # noqa: S108
        words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        words += ["--volume", f"{setting.data}:/var/lib/wingcheck", "--volume", f"{setting.secrets}:/run/secrets:ro"]
        words += [f"--env={name}={value}" for name, value in setting.environment.items()]
        return subprocess.Popen([*words, tag, *command], **streams)

    def config(self, tag: str) -> dict[str, Any]:
        """The image's user, command and health check."""
        found: dict[str, Any] = self._inspect(tag)["Config"]
        return found

    def size(self, tag: str) -> int:
        """Bytes of the image, not compressed."""
        return int(self._inspect(tag)["Size"])

    def _inspect(self, tag: str) -> dict[str, Any]:
        words = [self.program, "image", "inspect", tag]
        found: list[dict[str, Any]] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        return found[0]

    def close(self) -> None:
        """Images stay, as after any build; containers were removed when they ended."""


# Arguments: root of the image, host name, data, secrets, working folder; then the command.
_ENTER = """
root=$1 name=$2 data=$3 secrets=$4 folder=$5; shift 5
hostname "$name"
mount --rbind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --bind "$data" "$root/var/lib/wingcheck"
mount --bind "$secrets" "$root/run/secrets"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
    env --ignore-environment --chdir="$folder" "$@"
"""


class Buildah:
    """Buildah, which runs where no container engine can: it builds in a chroot, as root.

    What it starts has a read-only root, no capabilities and a host name of its own, and shares the rest with this machine.
    Images lie in a folder of their own: `keep`, for the next time, or a temporary one.
    """

    def __init__(self, keep: Path | None = None) -> None:
        self._keeps = keep is not None
        self._folder = keep or Path(tempfile.mkdtemp(prefix="wingcheck-buildah-"))
        self._roots: dict[str, Path] = {}
        self._driver = "overlay" if self._works_with("overlay") else "vfs"

    def _works_with(self, driver: str) -> bool:
        try:
            container = self._say("from", "scratch", driver=driver)
            self._say("mount", container, driver=driver)
            self._say("rm", container, driver=driver)
        except subprocess.CalledProcessError:
            return False
        return True

    def _words(self, *words: str, driver: str = "") -> list[str]:
        places = ["--root", str(self._folder / "images"), "--runroot", str(self._folder / "run")]
        return ["buildah", *places, "--storage-driver", driver or self._driver, *words]

    def _say(self, *words: str, driver: str = "") -> str:
        return subprocess.run(
            self._words(*words, driver=driver), check=True, capture_output=True, text=True
        ).stdout.strip()

    def import_base(self, folder: Path, tag: str) -> None:
        """An image with these files and nothing else."""
        container = self._say("from", "scratch")
        self._say("add", "--quiet", container, str(folder), "/")
        self._say("commit", "--quiet", "--rm", container, tag)

    def build(self, target: str, tag: str, options: list[str]) -> None:
        """Build a target of the Dockerfile in the working folder; health checks exist in Docker's format only."""
        words = ["bud", "--isolation", "chroot", "--network", "host", "--format", "docker"]
        words += ["--layers"] if self._keeps else []
        subprocess.run(self._words(*words, "--target", target, "--tag", tag, *options, "."), check=True)

    def start(self, tag: str, command: list[str], setting: Setting, **streams: Any) -> subprocess.Popen[bytes]:
        """Run a command of the image as compose would; an empty one is the image's own. SIGTERM stops it."""
        config, root = self.config(tag), self._root(tag)
        (root / "run" / "secrets").mkdir(exist_ok=True)
        words = ["unshare", "--mount", "--uts", "sh", "-ec", _ENTER, "enter", str(root), tag.rpartition("/")[2]]
        words += [str(setting.data), str(setting.secrets), config["WorkingDir"], *config["Env"]]
        words += [f"{name}={value}" for name, value in setting.environment.items()]
        return subprocess.Popen([*words, *(command or config["Cmd"])], **streams)

    def config(self, tag: str) -> dict[str, Any]:
        """The image's user, command and health check."""
        found: dict[str, Any] = json.loads(self._say("inspect", "--type", "image", tag))["Docker"]["config"]
        return found

    def size(self, tag: str) -> int:
        """Bytes of all files of the image."""
        return sum(
            path.lstat().st_size for path in self._root(tag).rglob("*") if path.is_file() and not path.is_symlink()
        )

    def _root(self, tag: str) -> Path:
        if tag not in self._roots:
            self._roots[tag] = Path(self._say("mount", self._say("from", "--pull-never", tag)))
        return self._roots[tag]

    def close(self) -> None:
        """Remove every container, and every image that need not be kept."""
        for words in (("umount", "--all"), ("rm", "--all")):
            subprocess.run(self._words(*words), capture_output=True, check=False)
        if not self._keeps:
            subprocess.run(self._words("rmi", "--all", "--force"), capture_output=True, check=False)
            shutil.rmtree(self._folder, ignore_errors=True)


Engine = Docker | Buildah


def make_engine(name: str = "", keep: Path | None = None) -> Engine:
    """The engine of that name, or the first that works here; buildah's images may be kept in a folder. Raises LookupError."""
    for program in (name,) if name else ("docker", "podman", "buildah"):
        if program == "buildah" and shutil.which(program):
            return Buildah(keep)
        if (
            shutil.which(program)
            and subprocess.run([program, "info"], capture_output=True, check=False).returncode == 0
        ):
            return Docker(program)
    raise LookupError(f"{name or 'docker, podman or buildah'} does not work here")


def secrets_of_the_builder(folder: Path) -> list[str]:
    """Options that pass on where pip and npm find packages here, and whom they trust."""
    settings = _pip_settings()
    authority = settings.pop("cert", os.environ.get("SSL_CERT_FILE", ""))
    npm = Path.home() / ".npmrc"
    files = {"npm": npm.read_text(encoding="utf-8") if npm.exists() else ""}
    if authority:
        settings["cert"] = "/run/secrets/ca"
        files["npm"] += "\ncafile=/run/secrets/ca\n"
        files["ca"] = Path(authority).read_text(encoding="utf-8")
    files["pip"] = "\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items())]) + "\n"
    folder.mkdir(mode=0o700)
    options = []
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
        options.append(f"--secret=id={name},src={folder / name}")
    return options


def _pip_settings() -> dict[str, str]:
    """How pip reaches indexes here. Those in folders of this machine are not reached from a build."""
    found = {}
    for line in _pip_config():
        name, _, value = line.partition("=")
        found[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    wanted = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "cert")
    return {name: found[name] for name in wanted if name in found and "file:" not in found[name]}


def _pip_config() -> list[str]:
    command = [sys.executable, "-m", "pip", "config", "list"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
