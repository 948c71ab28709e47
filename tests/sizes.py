"""Fail on what is too long to be read in one go: a function over 60 lines, a file over 500. `make check` runs this."""

import ast
import subprocess
import sys
from pathlib import Path

MAX_FUNCTION, MAX_FILE = 60, 500


def main() -> int:
    root = Path(__file__).resolve().parents[1]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=root, check=True, capture_output=True, text=True,
    )  # fmt: skip
    names = [name for name in listed.stdout.split() if (root / name).exists()]
    problems = [problem for name in names for problem in _problems(root, name)]
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    return bool(problems)


def _problems(root: Path, name: str) -> list[str]:
    source = (root / name).read_text(encoding="utf-8")
    problems = [f"{name}: {lines} lines, over {MAX_FILE}"] if (lines := source.count("\n")) > MAX_FILE else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION:
                problems.append(f"{name}:{node.lineno} {node.name}: {length} lines, over {MAX_FUNCTION}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
