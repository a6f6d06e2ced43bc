"""Write the digest of every image of others behind its tag: ``postgres:17`` becomes ``postgres:17@sha256:…``.

    python scripts/pin_images.py [FILE ...]      default: every file of the repository that names an image

A tag can be moved to another image; a digest can't. Digests are asked of the registry, by skopeo or by docker's buildx, and are
renewed where there are some already. Commit the result when the images were tried.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
FILES = ("Dockerfile", "docker-compose.yml", ".gitlab-ci.yml", ".github/workflows/ci.yml")
IMAGE = re.compile(r"^(ARG BASE_IMAGE=|\s*image: *)([\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{64})?$", re.MULTILINE)


def digest(image: str) -> str:
    """What the tag leads to now, for all architectures. Raises LookupError."""
    if shutil.which("skopeo"):
        command = ["skopeo", "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{image}"]
    else:
        command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    try:
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError as error:
        raise LookupError("neither skopeo nor docker is here") from error
    except subprocess.CalledProcessError as error:
        raise LookupError(f"{image}: {error.stderr.strip()}") from error
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", found):
        raise LookupError(f"{image}: {found!r} is no digest")
    return found


def pin(text: str) -> str:
    """The text of a file with the digests of its images."""
    return IMAGE.sub(lambda match: f"{match[1]}{match[2]}@{digest(match[2])}", text)


def main() -> None:
    """Pin every file, or none."""
    paths = [Path(name) for name in sys.argv[1:]] or [CHECKOUT / name for name in FILES]
    try:
        pinned = {path: pin(path.read_text(encoding="utf-8")) for path in paths}
    except LookupError as error:
        sys.exit(str(error))
    for path, text in pinned.items():
        path.write_text(text, encoding="utf-8")
        print(f"{path}: {len(IMAGE.findall(text))} images")


if __name__ == "__main__":
    main()
