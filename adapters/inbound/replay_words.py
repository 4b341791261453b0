"""Transactions and what they changed, in words: what an operator follows on a screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from domain.catalog import COMMANDS
from domain.kernel import TransactionRefused
from processors.differences import Change
from processors.replay import Step
from schemas.envelope import Recorded

_KINDS = {"added": "+", "gone": "-", "changed": "~"}


def told(events: Sequence[Recorded]) -> str:
    """A transaction in one line: when, whose, what was asked, about whom, and what came of it."""
    first = events[0]
    cause = first.cause
    members = list(dict.fromkeys(m for each in events for m in each.event.members()))
    about = f" for {', '.join(members[:3])}{' …' if len(members) > 3 else ''}" if members else ""
    effective = f", effective {cause.effective_on}" if cause.effective_on else ""
    refused = next((e.event for e in events if isinstance(e.event, TransactionRefused)), None)
    outcome = (
        f"refused, {refused.code}: {refused.sentence}"
        if refused
        else ", ".join(dict.fromkeys(each.event.type for each in events))
    )
    return (
        f"{first.position:>10,}  {first.recorded_at:%Y-%m-%d %H:%M:%S}  {first.client_id}"
        f" v{first.version}  {title(cause.transaction_type)}{about}{effective}"
        f" (by {cause.sender}): {outcome}"
    )


def title(transaction_type: str) -> str:
    """What a type of transaction is called."""
    command = COMMANDS.get(transaction_type)
    return command.title if command else transaction_type


def step_lines(step: Step) -> Iterator[str]:
    """A transaction, and beneath it each row it added, took away or changed."""
    yield told(step.events)
    for projection, changes in step.changes.items():
        yield f"    {projection}: {_counted(changes)}"
        for change in changes:
            yield from _change_lines(change)
    if not step.changes:
        yield "    changes no row"


def _counted(changes: Iterable[Change]) -> str:
    kinds = [change.kind for change in changes]
    counts = ((kind, kinds.count(kind)) for kind in ("added", "changed", "gone"))
    return ", ".join(f"{count} row{'s'[: count != 1]} {kind}" for kind, count in counts if count)


def _change_lines(change: Change) -> Iterator[str]:
    key = " ".join(f"{column}={value}" for column, value in change.key.items())
    yield f"      {_KINDS[change.kind]} {change.table} {key}"
    for column, (before, after) in change.columns.items():
        if change.kind == "changed":
            yield f"          {column}: {_value(before)} → {_value(after)}"
        elif (value := after if change.kind == "added" else before) is not None:
            yield f"          {column}: {_value(value)}"


def _value(value: Any) -> str:
    return "–" if value is None else str(value)
