"""Build both images, start them, and send photos through: what `docker compose up` would do, without the proxy.

    python scripts/try_images.py                                   # with docker, podman or buildah, whichever works here
    python scripts/try_images.py --engine buildah --debootstrap    # on a base image made of Debian's packages: nothing is pulled

It needs PostgreSQL (WINGCHECK_TEST_POSTGRESQL, where it makes a database and drops it), an S3 server (moto, from the development
environment) and, if `redis-server` is there, Redis; buildah and debootstrap need root. The builder's own settings of pip and npm
reach the build as secrets, and no image. Ends with the sizes; the exit code is 1 if anything is not as it must be, and 77 if
there is no engine, or no base image to be had.
"""

import argparse
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3
import httpx2
import pillow_heif
from sqlalchemy import create_engine, make_url, text

from scripts.container_engines import Engine, Setting, make_engine, secrets_of_the_builder
from tests.factories import photo
from tests.running import eventually, free_port
from tests.s3 import ACCESS_KEY, SECRET_KEY, make_bucket, s3_server

CHECKOUT = Path(__file__).resolve().parent.parent
WEB, WORKER, BASE = "localhost/wingcheck-web", "localhost/wingcheck-worker", "localhost/wingcheck-base"
MOST_MEGABYTES = 350
CANNOT_BE_TRIED = 77  # no engine, or no base image
# What Debian's slim images lack, too.
NOT_IN_SLIM = ("doc", "man", "locale", "info")
PACKAGES = "python3-venv,python-is-python3,ca-certificates"


# --- building ----------------------------------------------------------------------------------------------------------


def make_base(engine: Engine, folder: Path, suite: str) -> None:
    """A base image from Debian's packages, of the mirror that apt uses here."""
    root = folder / "base"
    fields = "$(REPO_URI) $(CODENAME) $(ORIGIN) $(COMPONENT)"
    lines = _output("apt-get", "indextargets", "--format", fields, "Created-By: Packages").splitlines()
    sources = [line.split() for line in lines if line.endswith(" Debian main") and "-" not in line.split()[1]]
    if not sources:
        raise LookupError("apt has no Debian sources here; run apt-get update")
    mirror, codename, *_ = sources[0]
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite or codename, str(root), mirror]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for name in NOT_IN_SLIM:
        shutil.rmtree(root / "usr" / "share" / name)
    for path in [*root.glob("var/cache/apt/archives/*.deb"), *root.glob("var/lib/apt/lists/*_*")]:
        path.unlink()
    engine.import_base(root, BASE)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def build(engine: Engine, folder: Path, base: str) -> None:
    """Both images, on `base` or on what the Dockerfile names."""
    options = secrets_of_the_builder(folder / "builder")
    if base:
        options.append(f"--build-arg=BASE_IMAGE={base}")
    for target, tag in (("web", WEB), ("worker", WORKER)):
        began = time.monotonic()
        engine.build(target, tag, options)
        say(f"{tag} built in {time.monotonic() - began:.0f} s")


# --- what they run against ---------------------------------------------------------------------------------------------


@contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL database of its own."""
    server = make_url(os.environ["WINGCHECK_TEST_POSTGRESQL"])
    name = f"wingcheck_images_{os.getpid()}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis server's address; empty where there is no `redis-server`."""
    if not shutil.which("redis-server"):
        yield ""
        return
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def surroundings(folder: Path) -> Iterator[tuple[Setting, str]]:
    """Database, queue and bucket, as settings and secret files; and the web server's address."""
    port = free_port()
    with database() as database_url, redis(folder) as redis_url, s3_server() as s3_url:
        make_bucket(s3_url, "wingcheck")
        secrets = {
            "wingcheck_database_url": database_url,
            "wingcheck_secret_key": "only-for-this-trial",
            "wingcheck_s3_access_key_id": ACCESS_KEY,
            "wingcheck_s3_secret_access_key": SECRET_KEY,
        }
        for name in ("data", "secrets"):
            (folder / name).mkdir()
        for name, value in secrets.items():
            (folder / "secrets" / name).write_text(value, encoding="utf-8")
        shutil.chown(folder / "data", 1000, 1000)
        folder.chmod(0o755)
        environment = {
            "WINGCHECK_PORT": str(port),
            "WINGCHECK_QUEUE_URL": f"{redis_url}/0" if redis_url else database_url,
            "WINGCHECK_RATE_LIMIT_URL": f"{redis_url}/1" if redis_url else "database",
            "WINGCHECK_S3_ENDPOINT_URL": s3_url,
            "WINGCHECK_S3_BUCKET": "wingcheck",
            "WINGCHECK_S3_REGION": "us-east-1",
            "WINGCHECK_SCREEN_AT_ONCE_SECONDS": "0",  # so that the worker does it
        }
        say(f"PostgreSQL, S3 and {'Redis' if redis_url else 'no Redis: the queue lies in PostgreSQL'}")
        yield Setting(environment, folder / "data", folder / "secrets"), f"http://127.0.0.1:{port}"


_TRAINING = """
import cleanlab, keras, numpy, sklearn, tensorflow
network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
network.compile("adam", "mse")
network.fit(numpy.ones((8, 4)), numpy.ones((8, 2)), verbose=0)
tensorflow.lite.TFLiteConverter.from_keras_model(network).convert()
"""


# --- the trial ---------------------------------------------------------------------------------------------------------


class Trial:
    """Both images, running."""

    def __init__(self, engine: Engine, setting: Setting, url: str, log: Path) -> None:
        self._engine, self._setting, self._url, self._log = engine, setting, url, log

    def run(self, tag: str, *command: str) -> int:
        """Run a command of an image to its end; the exit code."""
        with self._log.open("ab") as log:
            return self._engine.start(tag, list(command), self._setting, stdout=log, stderr=log).wait(300)

    @contextmanager
    def running(self, tag: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A container that runs; it must stop when it is told to."""
        with self._log.open("ab") as log:
            process = self._engine.start(tag, list(command), self._setting, stdout=log, stderr=log)
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        process.terminate()
        expect(process.wait(60) in (0, 143), f"{tag} stops when it is told to: {process.returncode}")

    def is_healthy(self, tag: str) -> bool:
        """What the image's own health check says."""
        mode, *command = self._engine.config(tag)["Healthcheck"]["Test"]
        return self.run(tag, *command) == 0 if mode == "CMD" else self.run(tag, "sh", "-c", *command) == 0

    def check_shell(self) -> None:
        """Nobody but an ordinary user, and nothing to write but the data folder and /tmp."""
        script = "test $(id -u) = 1000 && touch /tmp/x /var/lib/wingcheck/x && ! touch $HOME/x /home/wingcheck/x /opt/wingcheck/x"
        for tag in (WEB, WORKER):
            expect(self._engine.config(tag)["User"] == "1000", f"{tag} names its user")
            expect(self.run(tag, "sh", "-c", script) == 0, f"{tag} runs as uid 1000 on a read-only root")

    def send(self) -> None:
        """A submission with a JPEG and a HEIC photo, until its verdict is there."""
        files = [("file", ("a.jpg", photo(1))), ("file", ("b.heic", photo(2, "HEIF")))]
        with httpx2.Client(base_url=self._url, trust_env=False, timeout=60) as client:
            answer = client.post(
                "/api/v1/submissions", files=files, data={"claim": "Maniola jurtina"}
            ).raise_for_status()
            token = answer.json()["token"]
            began = time.monotonic()
            found = eventually(lambda: _verdict(client, token) or {}, "the worker gives a verdict", 120)
        say(
            f"verdict after {time.monotonic() - began:.1f} s: {found['outcome']}, {found['model_name']} {found['model_version']}"
        )

    def check_bucket(self) -> None:
        """The photos are in the bucket, not in the data folder."""
        keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": "us-east-1"}
        s3 = boto3.client("s3", endpoint_url=self._setting.environment["WINGCHECK_S3_ENDPOINT_URL"], **keys)
        count = s3.list_objects_v2(Bucket="wingcheck")["KeyCount"]
        expect(count >= 4, f"originals and copies of both photos are in the bucket: {count} objects")
        expect(not (self._setting.data / "photos").exists(), "no photo is in the data folder")

    def go(self) -> None:
        """Everything, in the order of docker-compose.yml."""
        self.check_shell()
        expect(self.run(WEB, "wingcheck", "db", "upgrade", "--bundled") == 0, "the web image makes the tables")
        expect(not self.is_healthy(WORKER), "no worker yet, and its health check says so")
        with self.running(WORKER), self.running(WEB, "wingcheck", "serve", "--no-prepare"):
            eventually(lambda: _is_ready(self._url), "the web server is ready", 120)
            eventually(lambda: self.is_healthy(WORKER), "the worker is healthy", 120)
            expect(self.is_healthy(WEB), "the web server is healthy")
            self.send()
            self.check_bucket()
        expect(not self.is_healthy(WORKER) and not self.is_healthy(WEB), "both stopped, and their health checks say so")
        expect(self.run(WORKER, "python", "-c", _TRAINING) == 0, "the worker image trains a network and converts it")


def _verdict(client: httpx2.Client, token: str) -> dict[str, str] | None:
    found: dict[str, str] | None = client.get(f"/api/v1/submissions/{token}").raise_for_status().json()["verdict"]
    return found


def _is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz", trust_env=False, timeout=10).status_code == 200
    except httpx2.TransportError:
        return False


def say(sentence: str) -> None:
    """A line for whoever watches."""
    print(f"== {sentence}", flush=True)


def expect(holds: bool, what: str) -> None:
    """Print what holds; SystemExit if it does not."""
    if not holds:
        sys.exit(f"== NOT SO: {what}")
    say(what)


def check_sizes(engine: Engine) -> None:
    """Print them; the web image has a limit."""
    megabytes = {tag: engine.size(tag) / 1e6 for tag in (WEB, WORKER)}
    say(", ".join(f"{tag}: {size:.0f} MB" for tag, size in megabytes.items()))
    expect(megabytes[WEB] <= MOST_MEGABYTES, f"the web image has at most {MOST_MEGABYTES} MB")


def main() -> None:
    """Build, try, clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["docker", "podman", "buildah"], default="")
    parser.add_argument("--base", default="", help="base image, instead of the one that the Dockerfile names")
    parser.add_argument(
        "--debootstrap", nargs="?", const="", metavar="SUITE", help="make the base image of Debian's packages"
    )
    parser.add_argument(
        "--keep", type=Path, help="keep buildah's images and layers in this folder: the next build is faster"
    )
    arguments = parser.parse_args()
    os.chdir(CHECKOUT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without cleaning up
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # of the S3 server
    pillow_heif.register_heif_opener()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wingcheck-images-")))
        try:
            engine = make_engine(arguments.engine, arguments.keep and arguments.keep.resolve())
            stack.callback(engine.close)
            if arguments.debootstrap is not None:
                make_base(engine, folder, arguments.debootstrap)
        except (LookupError, OSError, subprocess.CalledProcessError) as error:
            say(f"the images can't be tried here: {error}")
            sys.exit(CANNOT_BE_TRIED)
        build(engine, folder, BASE if arguments.debootstrap is not None else arguments.base)
        log = folder / "log"
        try:
            with surroundings(folder) as (setting, url):
                Trial(engine, setting, url, log).go()
        except BaseException:
            print(log.read_text(errors="replace")[-5000:] if log.exists() else "", file=sys.stderr)
            raise
        check_sizes(engine)


if __name__ == "__main__":
    main()
