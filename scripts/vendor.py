"""Copy the browser files that package.json names from node_modules/ to static/vendor/.

package.json says which, licences included, as ``{"wingcheck": {"vendor": {"package/path/in/it.js": "name.js"}}}``.
``vendor.json`` says which version each file came from; Make takes that file as the mark of a finished set-up. The
folder is built aside and put in place whole, so an interrupted run leaves the old one or none.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def package_of(path: str) -> str:
    """``htmx.org/dist/htmx.js`` → ``htmx.org``; ``@scope/name/a.js`` → ``@scope/name``."""
    parts = path.split("/")
    return "/".join(parts[: 2 if path.startswith("@") else 1])


def copy(root: Path, folder: Path) -> dict[str, dict[str, str]]:
    """Copy every named file into `folder`; returns what came from where.

    Raises:
        FileNotFoundError: package.json names a file that the installed package does not have.
    """
    modules = root / "node_modules"
    wanted: dict[str, str] = json.loads((root / "package.json").read_text(encoding="utf-8"))["wingcheck"]["vendor"]
    origins = {}
    for source, target in wanted.items():
        package = package_of(source)
        about = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))
        destination = folder / target
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(modules / source, destination)
        origins[target] = {"package": package, "version": about["version"], "license": str(about.get("license", ""))}
    return origins


def main(root: Path = ROOT) -> None:
    """Build static/vendor anew."""
    vendor = root / "static" / "vendor"
    vendor.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=vendor.parent) as aside:
        fresh = Path(aside) / "vendor"
        fresh.mkdir()
        origins = copy(root, fresh)
        (fresh / "vendor.json").write_text(json.dumps(origins, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(vendor, ignore_errors=True)
        fresh.rename(vendor)


if __name__ == "__main__":
    try:
        main()
    except (FileNotFoundError, KeyError) as error:
        sys.exit(f"static/vendor can't be built: {error}")
