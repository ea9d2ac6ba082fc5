"""What scripts/size.py counts."""

import networkx

from scripts import size

TEXT = '''"""What it is for.

Two lines more."""

import os  # a remark

# a remark


def call(x):
    """What it does."""
    text = """not
    a docstring"""
    return text + x  # a remark
'''


def test_code_has_no_comments_docstrings_and_blank_lines():
    assert size.code(TEXT) == [
        (5, "import os"),
        (10, "def call(x):"),
        (12, 'text = """not'),
        (13, 'a docstring"""'),
        (14, "return text + x"),
    ]
    assert [number for number, _ in size.code(TEXT, imports=False)] == [10, 12, 13, 14]


def test_lines_are_counted_by_package():
    found = size.counts({"core/a.py": TEXT, "core/deep/b.py": "x = 1\n", "api.py": "\n\n"})
    assert found["core"] == {"files": 2, "code": 6, "lines": 15}
    assert found["(no package)"]["files"] == 1
    assert found["(no package)"]["lines"] == 2


def test_a_block_that_occurs_twice_is_found_once_and_whole():
    block = "".join(f"x{n} = {n}\n" for n in range(7))
    one = "a = 1\n" + block + "b = 1\n"
    other = "import os\n\nc = 2\nif c:\n" + "".join(
        f"\n    {line}  # again\n" for line in block.splitlines()
    )
    texts = {"one.py": one, "other.py": other}
    assert size.repeats(texts, 5) == [(7, ("one.py", 2), ("other.py", 6))]
    assert size.repeats(texts, 7)
    assert size.repeats(texts, 8) == []


def test_cycles_count_as_one_step_of_a_chain():
    graph = networkx.DiGraph(
        [("p.cli", "p.a.x"), ("p.a.x", "p.a.y"), ("p.a.y", "p.a.x"), ("p.a.y", "p.core"),
         ("p.cli", "p.core")]
    )  # fmt: skip
    assert size.cycles(graph) == [["p.a.x", "p.a.y"]]
    assert size.chain(graph) == ["p.cli", "p.a.x/p.a.y", "p.core"]
    packages = size.by_package(graph)
    assert sorted(packages.edges) == [("p.a", "p.core"), ("p.cli", "p.a"), ("p.cli", "p.core")]
    assert size.cycles(packages) == []


def test_imports_are_read_from_a_folder(tmp_path):
    package = tmp_path / "weighed"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from weighed import b\n")
    (package / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from weighed import a\n"
    )
    assert list(size.imports(tmp_path, "weighed").edges) == [("weighed.a", "weighed.b")]
