"""The repository keeps its house rules, and each rule is shown to notice what it forbids."""

from __future__ import annotations

import textwrap

import pytest

from tests import tidy_rules as rules
from tests.tidy_rules import RULES, Rule, SourceFile, migrations_without_gaps, repository

_FILES = repository()
_LONG = "x = 1\n"
_UNDONE, _UNMENDED, _HERE = "TO" + "DO", "FIX" + "ME", "/wo" + "rk/main"
_PASSWORD, _BEGIN = ":" + "mine", "BEGIN " + "PRIVATE"
_SECRETIVE = "ofr_" + "a1b2c3d4e5f6" + "_" + "Z" * 43
_ANYWHERE = {rules.no_machine_is_named, rules.no_secrets}
"""Rules that hold for generated files too."""


# ── The repository ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_repository_keeps_the_rule(rule: Rule) -> None:
    """No file breaks the rule."""
    faults = [
        str(fault)
        for file in _FILES
        if rule in _ANYWHERE or rules.is_written_by_hand(file)
        for fault in rule(file)
    ]
    assert not faults, "\n" + "\n".join(faults)


def test_migrations_are_numbered_without_gaps() -> None:
    """Migrations are numbered 0001, 0002, … without a gap."""
    faults = [str(fault) for fault in migrations_without_gaps(_FILES)]
    assert not faults, "\n" + "\n".join(faults)


def test_the_rules_look_at_the_whole_repository() -> None:
    """All kinds of files are looked at, and nothing that only lies about."""
    paths = {file.path for file in _FILES}
    assert {"domain/kernel.py", "Makefile", "uv.lock", ".ci/run", "tests/test_tidy.py"} <= paths
    assert "adapters/outbound/sql/0001_log.sql" in paths
    assert not [path for path in paths if path.startswith((".venv", ".git/", "data/"))]


# ── The rules: what each one notices, on which line ────────────────────────────────────────────

BROKEN: list[tuple[Rule, str, str, int]] = [
    (
        rules.files_are_short,
        "domain/a.py",
        _LONG * (rules.FILE_LINES_MAX + 1),
        rules.FILE_LINES_MAX + 1,
    ),
    (
        rules.files_are_short,
        "adapters/a.sql",
        "--\n" * (rules.FILE_LINES_MAX + 1),
        rules.FILE_LINES_MAX + 1,
    ),
    (
        rules.functions_are_short,
        "domain/a.py",
        "def f():\n" + f"    {_LONG}" * rules.FUNCTION_LINES_MAX,
        1,
    ),
    (
        rules.functions_are_short,
        "domain/a.py",
        "class A:\n  async def f():\n" + f"    {_LONG}" * rules.FUNCTION_LINES_MAX,
        2,
    ),
    (rules.modules_say_what_they_are, "domain/a.py", "x = 1\n", 1),
    (rules.tests_are_sentences, "tests/a.py", "def test_a(): ...\n", 1),
    (
        rules.tests_are_sentences,
        "tests/a.py",
        'class T:\n  def test_a(self):\n    """no stop"""\n',
        2,
    ),
    (rules.nothing_is_left_to_do, "README.md", f"first\n<!-- {_UNDONE}: say more -->\n", 2),
    (rules.nothing_is_left_to_do, "domain/a.py", f"x = 1  # {_UNMENDED}\n", 1),
    (rules.nothing_is_printed, "domain/a.py", "x = 1\nprint(x)\n", 2),
    (rules.nothing_is_printed, "adapters/inbound/cli.py", "breakpoint()\n", 1),
    (rules.one_clock, "domain/a.py", "x = date.today()\n", 1),
    (rules.one_clock, "projections/a.py", "import time\n\nx = time.monotonic()\n", 3),
    (rules.one_clock, "processors/a.py", "x = datetime.now(UTC)\n", 1),
    (rules.one_clock, "adapters/outbound/a.py", "now = field(default_factory=time.time)\n", 1),
    (rules.no_floats_near_money, "domain/money.py", "x = 0.5\n", 1),
    (rules.no_floats_near_money, "domain/rating.py", "def f(x: float): ...\n", 1),
    (rules.no_floats_near_money, "domain/client/premium.py", "x = 1\nx = cents / 2\n", 2),
    (rules.no_floats_near_money, "projections/a.py", "x = 2.5\n", 1),
    (rules.ignores_are_explained, "domain/a.py", "x = 1  # type: ignore\n", 1),
    (rules.ignores_are_explained, "domain/a.py", "x = 1  # type: ignore[misc]\n", 1),
    (rules.ignores_are_explained, "tests/a.py", "x = 1\n\ny = 1  # noqa: E501\n", 3),
    (rules.ignores_are_explained, "tests/a.py", "y = 1  # noqa - it is fine\n", 1),
    (rules.skips_are_explained, "tests/a.py", "@pytest.mark.skip\ndef test_a(): ...\n", 1),
    (rules.skips_are_explained, "tests/a.py", "@pytest.mark.xfail()\ndef test_a(): ...\n", 1),
    (rules.skips_are_explained, "tests/a.py", "x = 1\npytest.skip('')\n", 2),
    (rules.no_machine_is_named, "README.md", f"see\n`{_HERE}`\n", 2),
    (rules.no_machine_is_named, "tests/a.py", f"x = '{_HERE}'\n", 1),
    (rules.no_machine_is_named, "uv.lock", 'registry = "https://index.example/simple"\n', 1),
    (rules.no_secrets, "README.md", "key:\n" + _SECRETIVE, 2),
    (rules.no_secrets, "a.yml", f"url: postgresql://me{_PASSWORD}@db/x\n", 1),
    (rules.no_secrets, "a.pem", f"-----{_BEGIN} KEY-----\n", 1),
]

KEPT: list[tuple[Rule, str, str]] = [
    (rules.files_are_short, "domain/a.py", _LONG * rules.FILE_LINES_MAX),
    (rules.files_are_short, "README.md", "line\n" * (rules.FILE_LINES_MAX + 1)),
    (
        rules.functions_are_short,
        "domain/a.py",
        'def f():\n    """One.\n\n    Two.\n    """\n'
        + f"    {_LONG}" * (rules.FUNCTION_LINES_MAX - 1),
    ),
    (rules.modules_say_what_they_are, "domain/__init__.py", ""),
    (rules.tests_are_sentences, "tests/a.py", 'def test_a():\n    """It holds."""\n'),
    (rules.tests_are_sentences, "tests/a.py", "def helper(): ...\n"),
    (rules.nothing_is_printed, "adapters/inbound/cli.py", "print('hello')\n"),
    (rules.one_clock, "processors/a.py", "x = time.monotonic()\n"),
    (rules.one_clock, "processors/a.py", "x = self._clock.now()\n"),
    (rules.one_clock, "adapters/bootstrap.py", "x = datetime.now(UTC)\n"),
    (rules.no_floats_near_money, "domain/money.py", "x = cents // 2\n"),
    (rules.no_floats_near_money, "domain/client/segments.py", "x = hours / Decimal(120)\n"),
    (rules.no_floats_near_money, "processors/a.py", "_RETRY_SECONDS = 0.05\n"),
    (
        rules.ignores_are_explained,
        "domain/a.py",
        "x = 1  # type: ignore[misc]  # every row has one\n",
    ),
    (rules.ignores_are_explained, "domain/a.py", "x = 1  # noqa: BLE001\n# Any failure is told.\n"),
    (rules.skips_are_explained, "tests/a.py", "pytest.skip('no engine here: install one')\n"),
    (
        rules.skips_are_explained,
        "tests/a.py",
        "@pytest.mark.skipif(A, reason='no engine')\nclass T: ...\n",
    ),
    (
        rules.no_machine_is_named,
        "README.md",
        "/v1/work/1, ./data, tests/work/a and https://a/work/b\n",
    ),
    (rules.no_secrets, "README.md", "postgresql://user@host/db, ofr_…, <user>:<password>@host\n"),
]


@pytest.mark.parametrize(
    ("rule", "path", "text", "line"), BROKEN, ids=[f"{b[0].__name__}-{b[1]}-{b[3]}" for b in BROKEN]
)
def test_a_broken_rule_is_noticed_where_it_is_broken(
    rule: Rule, path: str, text: str, line: int
) -> None:
    """A file that breaks the rule gives one fault, on the line, in a sentence."""
    (fault,) = rule(SourceFile(path, text))
    assert (fault.path, fault.line) == (path, line)
    assert fault.sentence.endswith(".")
    assert str(fault).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize(
    ("rule", "path", "text"), KEPT, ids=[f"{k[0].__name__}-{k[1]}" for k in KEPT]
)
def test_what_is_allowed_is_not_noticed(rule: Rule, path: str, text: str) -> None:
    """What looks alike and is allowed is left alone."""
    assert not [str(fault) for fault in rule(SourceFile(path, textwrap.dedent(text)))]


def test_every_rule_is_shown_to_notice_something() -> None:
    """There is no rule that was never seen to fail."""
    assert {rule for rule, *_ in BROKEN} == set(RULES)


def test_a_gap_between_migrations_is_noticed() -> None:
    """A number that is missing, or there twice, is named with the number it should be."""
    for names in (["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["1_a.sql"]):
        files = [SourceFile(f"adapters/outbound/sql/{name}", "") for name in names]
        (fault,) = migrations_without_gaps(files)
        assert f"name it {len(names):04}_<what>.sql" in fault.sentence
