"""The reference of posting: plain lists of charges, funds and postings (handbook §5).

Whatever happens, all charges are gone through in order, and what is fully posted is looked up anew
for every subscriber and month.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from domain.client.account import Posting
from tests.billing.costs import Key


@dataclass
class Charge:
    """What a member was billed for a month, all lines together, and how much of it is unpaid."""

    billed: int = 0
    open: int = 0


@dataclass
class Entry:
    """A posting as commission sees it."""

    transaction_id: str
    on: date
    month: date
    cents: int
    subscriber_months: int
    is_settled: bool = False


@dataclass
class Payment:
    """Money that came in, or was given as credit."""

    kind: str
    cents: int
    has_bounced: bool = False


@dataclass
class Purse:
    """A client's charges and funds."""

    charges: dict[Key, Charge] = field(default_factory=dict)
    funds: int = 0
    """Payments and credits, less refunds and what bounced."""
    payments: dict[str, Payment] = field(default_factory=dict)
    refunded: int = 0
    entries: list[Entry] = field(default_factory=list)
    earned: set[tuple[date, str]] = field(default_factory=set)
    """(month, subscriber id) that were fully posted, and not taken back since."""

    def posted(self) -> int:
        """What is paid of all charges."""
        return sum(charge.billed - charge.open for charge in self.charges.values())

    def open(self) -> int:
        """What is unpaid of all charges."""
        return sum(charge.open for charge in self.charges.values())

    def credit(self) -> int:
        """Funds that pay nothing."""
        return self.funds - self.posted()

    # ── Money comes and goes ───────────────────────────────────────────────────────────────────

    def receive(self, transaction_id: str, on: date, kind: str, cents: int) -> list[Posting]:
        """A payment or credit: funds, that pay what is open."""
        self.payments[transaction_id] = Payment(kind, cents)
        self.funds += cents
        return self._entered(transaction_id, on, self._spent())

    def refund(self, cents: int) -> None:
        """Out of credit only."""
        assert 0 < cents <= self.credit()
        self.funds -= cents
        self.refunded += cents

    def bounce(self, transaction_id: str, on: date, payment_id: str) -> list[Posting]:
        """From the credit first, then from what is posted, from the last charge to the first."""
        payment = self.payments[payment_id]
        assert payment.kind == "payment"
        assert not payment.has_bounced
        payment.has_bounced = True
        left = payment.cents - min(payment.cents, max(0, self.credit()))
        self.funds -= payment.cents
        taken: dict[date, list[tuple[Key, int]]] = {}
        for key, charge in sorted(self.charges.items(), reverse=True):
            part = min(left, charge.billed - charge.open)
            if part:
                charge.open += part
                left -= part
                taken.setdefault(key[0], []).append((key, part))
        return self._entered(
            transaction_id, on, [self._taken_back(month, parts) for month, parts in taken.items()]
        )

    def _taken_back(self, month: date, parts: list[tuple[Key, int]]) -> Posting:
        lost = {(month, subscriber_id) for (_, subscriber_id, _), _ in parts} & self.earned
        self.earned -= lost
        return Posting(month, -sum(part for _, part in parts), -len(lost), parts[-1][0][1:])

    # ── A run ──────────────────────────────────────────────────────────────────────────────────

    def bill(
        self,
        transaction_id: str,
        on: date,
        differences: Mapping[Key, int],
        lines: Mapping[Key, int],
    ) -> tuple[dict[Key, int], list[Posting]]:
        """Adjustments and then the month's lines; what was paid of each adjustment's charge, and
        the postings."""
        taken = {key: self._adjust(key, cents) for key, cents in sorted(differences.items())}
        void = {
            subscriber_month for subscriber_month in self.earned if not self._of(*subscriber_month)
        }
        self.earned -= void
        for key, cents in lines.items():
            self._adjust(key, cents)
        postings = [
            Posting(
                month,
                -sum(cents for key, cents in taken.items() if key[0] == month),
                -sum(1 for void_month, _ in void if void_month == month),
            )
            for month in sorted(
                {key[0] for key, cents in taken.items() if cents} | {m for m, _ in void}
            )
        ]
        return taken, self._entered(transaction_id, on, postings + self._spent())

    def _adjust(self, key: Key, cents: int) -> int:
        """Bill more or less; of less, what was unpaid is cancelled, the rest had been paid."""
        charge = self.charges.setdefault(key, Charge())
        charge.billed += cents
        if cents >= 0:
            charge.open += cents
            return 0
        cancelled = min(charge.open, -cents)
        charge.open -= cancelled
        return -cents - cancelled

    # ── Shared ─────────────────────────────────────────────────────────────────────────────────

    def _spent(self) -> list[Posting]:
        """Funds pay charges from the first to the last; and what is fully posted by now."""
        paid: dict[date, list[tuple[Key, int]]] = {}
        for key, charge in sorted(self.charges.items()):
            part = min(max(0, self.credit()), charge.open) if charge.open else 0
            if part:
                charge.open -= part
                paid.setdefault(key[0], []).append((key, part))
        gained = self._fully_posted() - self.earned
        self.earned |= gained
        postings = []
        for month in sorted(paid.keys() | {month for month, _ in gained}):
            parts = paid.get(month, [])
            count = sum(1 for gained_month, _ in gained if gained_month == month)
            through = parts[-1][0][1:] if parts else None
            postings.append(Posting(month, sum(part for _, part in parts), count, through))
        return postings

    def _fully_posted(self) -> set[tuple[date, str]]:
        """The subscriber-months of which something is billed and nothing is open."""
        of = {key[:2] for key in self.charges}
        return {
            each
            for each in of
            if self._of(*each) and not any(charge.open for charge in self._of(*each))
        }

    def _of(self, month: date, subscriber_id: str) -> list[Charge]:
        """The charges of a subscriber-month for which something is billed."""
        return [
            c for key, c in self.charges.items() if key[:2] == (month, subscriber_id) and c.billed
        ]

    def _entered(self, transaction_id: str, on: date, postings: Iterable[Posting]) -> list[Posting]:
        entered = list(postings)
        self.entries += [
            Entry(transaction_id, on, p.coverage_month, p.cents, p.subscriber_months)
            for p in entered
        ]
        return entered
