"""Values by month, kept as runs of equal ones: a value that stays costs nothing more each month."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from domain.dates import add_months


class MonthRun(Struct, frozen=True):
    """The same value, not 0, for each month (its 1st) from the first to the last."""

    first_month: date
    last_month: date
    value: int


def value_in(runs: list[MonthRun], month: date) -> int:
    """The value of a month; 0 where there is none."""
    for run in reversed(runs):
        if run.first_month <= month:
            return run.value if month <= run.last_month else 0
    return 0


def with_value(runs: list[MonthRun], month: date, value: int) -> list[MonthRun]:
    """The runs with another value in one month; the given list stays as it is."""
    if value_in(runs, month) == value:
        return runs
    if runs and month <= runs[-1].last_month:
        return _rewritten(runs, month, value)
    return _appended(runs, month, value)


def _appended(runs: list[MonthRun], month: date, value: int) -> list[MonthRun]:
    """After all others: the usual case."""
    if not value:
        return runs
    last = runs[-1] if runs else None
    if last is not None and last.value == value and add_months(last.last_month, 1) == month:
        return [*runs[:-1], MonthRun(last.first_month, month, value)]
    return [*runs, MonthRun(month, month, value)]


def _rewritten(runs: list[MonthRun], month: date, value: int) -> list[MonthRun]:
    before, after = [], []
    for run in runs:
        if run.first_month < month:
            before.append(MonthRun(run.first_month, min(run.last_month, _before(month)), run.value))
        if run.last_month > month:
            first_month = max(run.first_month, add_months(month, 1))
            after.append(MonthRun(first_month, run.last_month, run.value))
    rewritten: list[MonthRun] = []
    for run in [*before, MonthRun(month, month, value), *after]:
        if not run.value:
            continue
        last = rewritten[-1] if rewritten else None
        if last and last.value == run.value and add_months(last.last_month, 1) == run.first_month:
            rewritten[-1] = MonthRun(last.first_month, run.last_month, run.value)
        else:
            rewritten.append(run)
    return rewritten


def _before(month: date) -> date:
    return add_months(month, -1)
