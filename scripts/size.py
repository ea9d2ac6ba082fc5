"""The size of two source trees side by side: lines, imports, and blocks that occur twice.

    .venv/bin/python scripts/size.py BEFORE NOW [--block 20]

BEFORE and NOW are checkouts; what is counted is `src/unweave`. A line of code is one that has more
than a comment or a docstring. Imports are those of grimp, which import-linter installs, without
those for type checkers; a cycle is a group of modules that all reach one another, and counts as
one step of a chain. A block occurs twice if the same lines of code, imports aside, follow one
another in two places.
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path

import grimp
import networkx

PACKAGE = "unweave"
NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip

Lines = list[tuple[int, str]]
"""Numbers of lines, and what they say."""
Place = tuple[str, int]
"""A file and an index or a line in it."""


def code(text: str, *, imports: bool = True) -> Lines:
    """The lines of code, without comments, docstrings and indents."""
    numbers: set[int] = set()
    comments: dict[int, int] = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.start[1]
        elif token.type not in NO_CODE:
            numbers |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        left_out = not imports and isinstance(node, ast.Import | ast.ImportFrom)
        if left_out or is_docstring(node):
            numbers -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = text.split("\n")
    return [(n, lines[n - 1][: comments.get(n)].strip()) for n in sorted(numbers)]


def is_docstring(node: ast.AST) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


def counts(texts: dict[str, str]) -> dict[str, Counter[str]]:
    """Files, lines of code and all lines of every package; files by their paths in the tree."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for path, text in texts.items():
        package = path.partition("/")[0] if "/" in path else "(no package)"
        found[package] += Counter(files=1, code=len(code(text)), lines=len(text.splitlines()))
    return found


def repeats(texts: dict[str, str], least: int) -> list[tuple[int, Place, Place]]:
    """Blocks of at least so many lines of code that occur twice: length and both places."""
    files = {path: code(text, imports=False) for path, text in texts.items()}
    windows: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for path, lines in files.items():
        for start in range(len(lines) - least + 1):
            windows[tuple(line for _, line in lines[start : start + least])].append((path, start))
    pairs = {pair for places in windows.values() for pair in combinations(places, 2)}
    found = []
    for (a, i), (b, j) in sorted(pairs):
        if ((a, i - 1), (b, j - 1)) in pairs:
            continue  # inside a longer one
        length = least
        while ((a, i + length - least + 1), (b, j + length - least + 1)) in pairs:
            length += 1
        found.append((length, (a, files[a][i][0]), (b, files[b][j][0])))
    return sorted(found, reverse=True)


def imports(source: Path, package: str = PACKAGE) -> networkx.DiGraph:
    """Which module imports which."""
    sys.path.insert(0, str(source))
    try:
        graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    finally:
        sys.path.remove(str(source))
    found = networkx.DiGraph()
    modules = sorted(graph.modules)  # so that of equal chains the same is told every time
    found.add_nodes_from(modules)
    for module in modules:
        imported = sorted(graph.find_modules_directly_imported_by(module))
        found.add_edges_from((module, name) for name in imported)
    return found


def by_package(graph: networkx.DiGraph) -> networkx.DiGraph:
    """The same of packages: the first two parts of a module's name."""
    found = networkx.DiGraph()
    for a, b in graph.edges:
        first, second = (".".join(name.split(".")[:2]) for name in (a, b))
        if first != second:
            found.add_edge(first, second)
    return found


def cycles(graph: networkx.DiGraph) -> list[list[str]]:
    """Groups of modules that all reach one another."""
    groups = networkx.strongly_connected_components(graph)
    return sorted(sorted(group) for group in groups if len(group) > 1)


def chain(graph: networkx.DiGraph) -> list[str]:
    """The longest chain of imports; a cycle is one step of it."""
    steps = networkx.condensation(graph)
    return ["/".join(sorted(steps.nodes[n]["members"])) for n in networkx.dag_longest_path(steps)]


def read(tree: Path) -> dict[str, str]:
    root = tree / "src" / PACKAGE
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*.py"))
    }


def count_table(trees: list[dict[str, Counter[str]]]) -> Iterator[str]:
    yield "| package | before: files | code | lines | now: files | code | lines |"
    yield "|---|---|---|---|---|---|---|"
    for package in sorted({package for tree in trees for package in tree}):
        yield count_row(package, [tree.get(package, Counter()) for tree in trees])
    yield count_row("all", [sum(tree.values(), Counter()) for tree in trees])


def count_row(name: str, found: Iterable[Counter[str]]) -> str:
    cells = [str(count[key] or "") for count in found for key in ("files", "code", "lines")]
    return f"| {name} | {' | '.join(cells)} |"


def import_table(graphs: list[networkx.DiGraph]) -> Iterator[str]:
    yield "| imports | before | now |\n|---|---|---|"
    every = (("modules", graphs), ("packages", [by_package(graph) for graph in graphs]))
    for what, pair in every:
        yield f"| {what} | {' | '.join(str(len(graph)) for graph in pair)} |"
        yield f"| imports between {what} | {' | '.join(str(graph.size()) for graph in pair)} |"
        yield f"| longest chain of {what} | {' | '.join(str(len(chain(g))) for g in pair)} |"
        yield f"| cycles of {what} | {' | '.join(str(len(cycles(g))) for g in pair)} |"
    for what, pair in every:
        for title, graph in zip(("before", "now"), pair, strict=True):
            yield f"\nLongest chain of {what} {title}: {' → '.join(chain(graph))}"
            for group in cycles(graph):
                yield f"\nCycle of {what} {title}: {', '.join(group)}"


def repeat_table(found: list[list[tuple[int, Place, Place]]], least: int) -> Iterator[str]:
    yield f"| blocks of {least} lines and more that occur twice | before | now |\n|---|---|---|"
    yield f"| blocks | {' | '.join(str(len(tree)) for tree in found)} |"
    yield f"| lines | {' | '.join(str(sum(n for n, _, _ in tree)) for tree in found)} |"
    for title, tree in zip(("before", "now"), found, strict=True):
        for length, (a, i), (b, j) in tree:
            yield f"\n{length} lines {title}: {a}:{i} and {b}:{j}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("now", type=Path)
    parser.add_argument("--block", type=int, default=20, help="lines of the shortest block")
    given = parser.parse_args()
    trees = [given.before, given.now]
    texts = [read(tree) for tree in trees]
    print("\n".join(count_table([counts(tree) for tree in texts])), end="\n\n")
    print("\n".join(import_table([imports(tree / "src") for tree in trees])), end="\n\n")
    print("\n".join(repeat_table([repeats(tree, given.block) for tree in texts], given.block)))


if __name__ == "__main__":
    main()
