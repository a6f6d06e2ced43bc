"""Measure the code itself (`make measure`): size, long parameter lists, classes that repeat each other's fields, import cycles.

python scripts/measure_code.py             # everything
python scripts/measure_code.py FIELD       # the production files in which a field's name stands
"""

import argparse
import ast
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_PARAMETERS = 6
FEWEST_FIELDS = 4
ALIKE = 0.8


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows."""
    names = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.splitlines() if (ROOT / name).is_file()]


def module_of(path: Path) -> str:
    """Its dotted name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many parameters callers may give, ``self`` and ``cls`` aside."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])


def fields_of(node: ast.ClassDef) -> set[str]:
    """The annotated fields of a class."""
    return {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}


def pairs_alike(classes: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Pairs of classes of which the smaller one repeats most of its fields in the other."""
    for (one, left), (other, right) in combinations(classes.items(), 2):
        if min(len(left), len(right)) >= FEWEST_FIELDS and len(left & right) >= ALIKE * max(len(left), len(right)):
            yield one, other


def folder_imports(trees: dict[str, ast.Module], packages: set[str]) -> dict[str, set[str]]:
    """Folder → folders that its modules import, anywhere in them. A module beside the folders counts as one of its own."""

    def folder_of(module: str) -> str:
        folder = module if module in packages else module.rpartition(".")[0]
        return folder if "." in folder else module

    imports: dict[str, set[str]] = {}
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                for alias in node.names:
                    name = next((n for n in (f"{node.module}.{alias.name}", node.module) if n in trees), None)
                    if name is not None:
                        imports.setdefault(folder_of(module), set()).add(folder_of(name))
    return imports


def cycles(imports: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Pairs of folders each of which imports the other, directly or through others."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = imports.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        return seen

    reach = {folder: reached(folder) for folder in imports}
    return [(a, b) for a, b in combinations(sorted(imports), 2) if b in reach[a] and a in reach.get(b, set())]


def measure(package: str) -> None:
    """Print the figures of one package."""
    files = tracked(f"{package}/*.py")
    trees = {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in files}
    packages = {module_of(path) for path in files if path.name == "__init__.py"}
    functions = [
        n for t in trees.values() for n in ast.walk(t) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = sorted((n.end_lineno or n.lineno) - n.lineno + 1 for n in functions)
    classes = {
        f"{m}.{n.name}": fields_of(n) for m, t in trees.items() for n in ast.walk(t) if isinstance(n, ast.ClassDef)
    }
    alike, loops = list(pairs_alike(classes)), cycles(folder_imports(trees, packages))
    print(
        f"{package}: {sum(len(path.read_text(encoding='utf-8').splitlines()) for path in files)} lines in {len(files)} files"
    )
    print(f"  median function: {lengths[len(lengths) // 2]} lines")
    print(
        f"  functions with more than {MOST_PARAMETERS} parameters: {sum(parameters(n) > MOST_PARAMETERS for n in functions)}"
    )
    print(f"  pairs of classes that share {ALIKE:.0%} of their fields: {len(alike)}")
    for one, other in alike:
        print(f"    {one} ~ {other}")
    print(f"  pairs of folders that import each other: {len(loops)}")
    for one, other in loops:
        print(f"    {one} <-> {other}")


def where(word: str) -> list[Path]:
    """The production files that name a field."""
    return [path for path in tracked("app", "templates", "static") if path.suffix in {".py", ".html", ".js"}
            and word in path.read_text(encoding="utf-8")]  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("field", nargs="?", help="name of a field")
    field = parser.parse_args().field
    if field:
        paths = where(field)
        print(f"{field}: {len(paths)} files", *(f"  {path.relative_to(ROOT)}" for path in paths), sep="\n")
    else:
        for name in ("app", "ml"):
            measure(name)
