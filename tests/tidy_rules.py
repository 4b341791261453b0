"""The house rules that no other tool checks: each looks at one file and says what is wrong where.

``ruff`` has the form, ``mypy`` the types, ``lint-imports`` the direction of dependencies; here is
what is this house's own. A rule is a function from a file to faults; a fault's sentence says what
to do about it.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent
FILE_LINES_MAX = 400
ONE_FILE_LINES_MAX = {"ofrecord_verify.py": 450}
"""What must be one file: an auditor reads it, and takes it along alone."""
FUNCTION_LINES_MAX = 40
"""Not counting the docstring."""

_SKIPPED_FOLDERS = {"data", "dist", "build", "__pycache__", "node_modules"}
_KEPT_HIDDEN = {".ci", ".github", ".gitignore"}
_GENERATED = ("uv.lock", "schemas/published/*", "tests/schemas/golden/*")
_PRODUCT = ("domain/**", "schemas/**", "projections/**", "processors/**", "adapters/**")
_PURE = ("domain/**", "schemas/**", "projections/**")
_AMOUNTS = ("domain/**", "projections/**")
_RECKONING = ("domain/money.py", "domain/rating.py", "domain/client/premium.py")
_THE_CLOCK = "adapters/bootstrap.py"
_PRINTING = ("adapters/inbound/cli.py", "adapters/inbound/commands/*", "bench/*", "examples/*")


@dataclass(frozen=True)
class Fault:
    """What is wrong in a file, on which line, and what to do about it."""

    path: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sentence}"


class SourceFile:
    """A text file of the repository, read and parsed once."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    def is_in(self, *patterns: str) -> bool:
        """Whether the file is at one of these places; ``folder/**`` is everything below it."""
        path = PurePosixPath(self.path)
        return any(
            self.path.startswith(pattern[:-2]) if pattern.endswith("**") else path.match(pattern)
            for pattern in patterns
        )

    @cached_property
    def lines(self) -> list[str]:
        """The text line by line."""
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed module; an empty one if this is not Python."""
        return ast.parse(self.text if self.path.endswith(".py") else "")

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """The comments of a Python file with their lines."""
        if not self.path.endswith(".py"):
            return []
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]

    def fault(self, line: int, sentence: str) -> Fault:
        """A fault on a line of this file."""
        return Fault(self.path, line, sentence)


def repository() -> list[SourceFile]:
    """Every text file that belongs to the repository, in order of its path."""
    return [
        SourceFile(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(_files(ROOT))
    ]


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") and path.name not in _KEPT_HIDDEN:
            continue
        if path.is_file() and path.suffix != ".pyc":
            yield path
        elif path.is_dir() and path.name not in _SKIPPED_FOLDERS and "egg-info" not in path.name:
            yield from _files(path)


# ── Size and words ─────────────────────────────────────────────────────────────────────────────


def files_are_short(file: SourceFile) -> Iterator[Fault]:
    """A file that is read at one sitting has few reasons to change."""
    most = ONE_FILE_LINES_MAX.get(file.path, FILE_LINES_MAX)
    if file.is_in("*.py", "*.sql") and len(file.lines) > most:
        yield file.fault(
            len(file.lines),
            f"has {len(file.lines)} lines, more than {most}: move one of its subjects "
            "into a file of its own.",
        )


def functions_are_short(file: SourceFile) -> Iterator[Fault]:
    """A function that fits a screen is understood at once."""
    for function in _functions(file):
        docstring = function.body[0] if ast.get_docstring(function) is not None else None
        lines = _length(function) - (_length(docstring) if docstring else 0)
        if lines > FUNCTION_LINES_MAX:
            yield file.fault(
                function.lineno,
                f"{function.name} has {lines} lines, more than {FUNCTION_LINES_MAX}: give a part "
                "of it a name.",
            )


def modules_say_what_they_are(file: SourceFile) -> Iterator[Fault]:
    """A newcomer reads the first line of a file to know whether to read on."""
    if file.path.endswith(".py") and file.tree.body and ast.get_docstring(file.tree) is None:
        yield file.fault(1, "has no docstring: say in its first line what the module is for.")


def tests_are_sentences(file: SourceFile) -> Iterator[Fault]:
    """The docstrings of the tests, read in order, are the specification."""
    if not file.is_in("tests/**"):
        return
    for function in _functions(file):
        if not function.name.startswith("test_"):
            continue
        words = (ast.get_docstring(function) or "").strip()
        if not words.split("\n\n")[0].endswith((".", "…", "!", "?")):
            yield file.fault(
                function.lineno,
                f"{function.name} has no docstring that is a sentence: say what must hold, and "
                "end it with a full stop.",
            )


_UNDONE = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b")


def nothing_is_left_to_do(file: SourceFile) -> Iterator[Fault]:
    """Unfinished work belongs in an issue, where somebody looks."""
    for line, text in enumerate(file.lines, start=1):
        if found := _UNDONE.search(text):
            yield file.fault(line, f"says {found[0]}: do it now, or open an issue and say nothing.")


def nothing_is_printed(file: SourceFile) -> Iterator[Fault]:
    """Only the command line speaks to a terminal; everything else logs."""
    allowed = () if file.is_in(*_PRINTING) else ("print", "pprint")
    for call in _calls(file):
        name = _dotted(call.func)
        if name in (*allowed, "breakpoint", "pdb.set_trace"):
            yield file.fault(call.lineno, f"calls {name}: remove it, or log through structlog.")


# ── Time and money ─────────────────────────────────────────────────────────────────────────────

_CLOCKS = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today"),
    *("time.time", "time.time_ns", "time.localtime", "time.gmtime"),
}
_STOPWATCHES = {
    *("time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"),
    *("time.sleep", "sleep", "monotonic", "perf_counter"),
}


def one_clock(file: SourceFile) -> Iterator[Fault]:
    """What is decided must be decided the same again, so now is a fact handed in, never read."""
    if not file.is_in(*_PRODUCT) or file.path == _THE_CLOCK:
        return
    forbidden = _CLOCKS | _STOPWATCHES if file.is_in(*_PURE) else _CLOCKS
    for node in ast.walk(file.tree):
        name = _dotted(node)
        if name in forbidden:
            yield file.fault(
                _line_of(node),
                f"reads the clock with {name}: take the instant as an argument, or ask the Clock "
                "port.",
            )


def no_floats_near_money(file: SourceFile) -> Iterator[Fault]:
    """A dollar in binary floating point is not a dollar (handbook, preamble)."""
    if not file.is_in(*_AMOUNTS):
        return
    reckons = file.is_in(*_RECKONING)
    for node in ast.walk(file.tree):
        what = ""
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            what = f"the float {node.value}"
        elif isinstance(node, ast.Name) and node.id == "float":
            what = "float"
        elif reckons and isinstance(getattr(node, "op", None), ast.Div):
            what = "a true division"
        if what:
            yield file.fault(
                _line_of(node),
                f"uses {what}: amounts are integer cents or Decimal; divide with money.half_up.",
            )


# ── What is waved through says why ─────────────────────────────────────────────────────────────

_IGNORE = re.compile(
    r"#\s*(type:\s*ignore|noqa)(\[[\w, -]+\]|:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*)?"
)


def ignores_are_explained(file: SourceFile) -> Iterator[Fault]:
    """An exception without its reason is copied without it."""
    comments = dict(file.comments)
    for line, comment in file.comments:
        found = _IGNORE.search(comment)
        if found is None:
            continue
        name = "type: ignore" if "type" in found[1] else "noqa"
        beside = comment[found.end() :].strip(" #-—–:")
        near = [line + step for step in (-1, 1) if _is_comment(file, line + step)]
        if found[2] is None:
            yield file.fault(line, f"{name} without a code: name the one finding it waves through.")
        elif not beside and not any(comments.get(other) for other in near):
            yield file.fault(line, f"{name} without a reason: say why in words after the code.")


def skips_are_explained(file: SourceFile) -> Iterator[Fault]:
    """A test that does not run must say what it would take."""
    if not file.is_in("tests/**"):
        return
    with_reason = set()
    for call in _calls(file):
        name = _dotted(call.func)
        told = [keyword.value for keyword in call.keywords if keyword.arg in ("reason", "msg")]
        if name.endswith(("pytest.skip", "pytest.xfail")):
            told += call.args
        if told and not any(isinstance(t, ast.Constant) and not t.value for t in told):
            with_reason.add(call.func)
    for node in ast.walk(file.tree):
        name = _dotted(node)
        last = name.rpartition(".")[2]
        is_skip = name.startswith("pytest.") and last in ("skip", "skipif", "xfail")
        if is_skip and node not in with_reason:
            yield file.fault(_line_of(node), f"{last} without a reason: say what is missing.")


# ── What must never be in a repository ─────────────────────────────────────────────────────────

_HERE = re.compile(
    r"(?<![\w./-])(/(?:work|root|home|Users|tmp)/[\w.+-]+|[A-Z]:\\Users\\\w+)", re.ASCII
)
_SECRETS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a key of this system": re.compile(r"\bofr_[a-z0-9]{12}_[A-Za-z0-9_-]{43}\b"),
    "a cloud access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of a code host": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "a password in an address": re.compile(r"\b[a-z][a-z0-9+]*://[^\s/:@{}<>]+:[^\s/:@{}<>]+@"),
}
_PUBLIC_INDEX = ("https://pypi.org/simple", "https://files.pythonhosted.org/packages/")


def no_machine_is_named(file: SourceFile) -> Iterator[Fault]:
    """What works only where it was written does not work."""
    for line, text in enumerate(file.lines, start=1):
        if found := _HERE.search(text):
            yield file.fault(
                line, f"names {found[0]}, a place on one machine: use a relative path or a setting."
            )
        if file.path == "uv.lock":
            for address in re.findall(r'(?:url|registry) = "([^"]+)"', text):
                if not address.startswith(_PUBLIC_INDEX):
                    yield file.fault(line, f"locks {address}: lock from the public index, PyPI.")


def no_secrets(file: SourceFile) -> Iterator[Fault]:
    """A secret that was committed once is known for ever."""
    for line, text in enumerate(file.lines, start=1):
        for what, pattern in _SECRETS.items():
            if pattern.search(text):
                yield file.fault(
                    line, f"contains {what}: remove it, and replace it where it works."
                )


# ── Migrations: the one rule about files together ──────────────────────────────────────────────


def migrations_without_gaps(files: list[SourceFile]) -> Iterator[Fault]:
    """Migrations are applied in the order of their numbers, so each number is there once."""
    migrations = [file for file in files if file.is_in("adapters/outbound/sql/**")]
    for expected, file in enumerate(sorted(migrations, key=lambda f: f.path), start=1):
        name = PurePosixPath(file.path).name
        if not re.fullmatch(rf"{expected:04}_[a-z0-9_]+\.sql", name):
            yield file.fault(
                1, f"is the migration after {expected - 1:04}: name it {expected:04}_<what>.sql."
            )
            return


Rule = Callable[[SourceFile], Iterator[Fault]]
RULES: tuple[Rule, ...] = (
    files_are_short,
    functions_are_short,
    modules_say_what_they_are,
    tests_are_sentences,
    nothing_is_left_to_do,
    nothing_is_printed,
    one_clock,
    no_floats_near_money,
    ignores_are_explained,
    skips_are_explained,
    no_machine_is_named,
    no_secrets,
)


def is_written_by_hand(file: SourceFile) -> bool:
    """Whether people wrote it: size and wording of the rest is not theirs."""
    return not file.is_in(*_GENERATED)


# ── Reading Python ─────────────────────────────────────────────────────────────────────────────


def _functions(file: SourceFile) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _calls(file: SourceFile) -> Iterator[ast.Call]:
    return (node for node in ast.walk(file.tree) if isinstance(node, ast.Call))


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _line_of(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 1))


def _dotted(node: ast.AST) -> str:
    """A name with its attributes, ``datetime.now``; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _is_comment(file: SourceFile, line: int) -> bool:
    """Whether a whole line is a comment."""
    return 0 < line <= len(file.lines) and file.lines[line - 1].lstrip().startswith("#")
