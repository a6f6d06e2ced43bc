"""Remove from a virtual environment what an image never uses: tests, headers, debug symbols, other services and languages.

    python scripts/shrink_packages.py ENVIRONMENT [--without-tensorflow]

With `--without-tensorflow`, the bundled model version keeps its LiteRT files only. Needs nothing but the standard library, and
`strip` (binutils) on the PATH.
"""

import argparse
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

# Photos lie in S3; the others are how boto3 signs in (roles, single sign-on).
SERVICES = {"s3", "sts", "sso", "sso-oidc", "signin"}
LANGUAGES = {"en", "nl"}
UNUSED = (
    "**/tests",
    "ai_edge_litert/vendors",  # of phones
    "ai_edge_litert/tools",
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",
    "clang",  # TensorFlow's metadata ask for it; nothing imports it
    "tensorflow/include",
    "sqlalchemy/testing",
    "matplotlib/mpl-data/sample_data",
)
FOR_TENSORFLOW = ("ml/pretrained/**/saved_model", "ml/pretrained/**/*.keras")


def unused(packages: Path, *, without_tensorflow: bool) -> Iterator[Path]:
    """What may go from a folder of installed packages."""
    for pattern in UNUSED + (FOR_TENSORFLOW if without_tensorflow else ()):
        yield from packages.glob(pattern)
    for service in packages.glob("botocore/data/*/"):
        if service.name not in SERVICES:
            yield service
    for locale in packages.glob("babel/locale-data/*.dat"):
        if locale.stem.partition("_")[0] not in LANGUAGES | {"root"}:
            yield locale


def remove(paths: list[Path]) -> None:
    """Delete files and folders; one may lie in another."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def strip(packages: Path) -> None:
    """Take the symbols that only a debugger reads out of extension modules and TensorFlow's libraries.

    Not out of the libraries in folders ``….libs``: auditwheel rewrote those, and `strip` breaks some of them.
    """
    libraries = [*packages.rglob("*.so"), *packages.rglob("*.so.*")]
    files = [str(path) for path in libraries if not path.is_symlink() and not path.parent.name.endswith(".libs")]
    if files:
        subprocess.run(["strip", "--strip-unneeded", *files], check=True)


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def main() -> None:
    """Shrink, and print the size before and after."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", type=Path)
    parser.add_argument("--without-tensorflow", action="store_true")
    arguments = parser.parse_args()
    [packages] = arguments.environment.glob("lib/python3*/site-packages")
    before = size(packages)
    remove(list(unused(packages, without_tensorflow=arguments.without_tensorflow)))
    strip(packages)
    print(f"{packages}: {before / 1e6:.0f} MB, now {size(packages) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
