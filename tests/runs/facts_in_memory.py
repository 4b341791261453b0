"""What a commission run asks of the projections, over rows in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TypeVar

from adapters.outbound.in_memory_rows import InMemoryRowStore
from processors.commission_run import PayeeToPay
from projections.commission_rows import CommissionLineRow, SettlementRow, StatementRow
from projections.commissions import Commissions
from projections.invoice_rows import PostingRow
from projections.invoices import Invoices
from projections.kernel import Row

R = TypeVar("R", bound=Row)
T = TypeVar("T")


class FactsInMemory:
    """``CommissionFacts`` over a row store in memory; remembers how much was asked at a time."""

    def __init__(self, rows: InMemoryRowStore) -> None:
        self._rows = rows
        self.pages: list[int] = []

    def clients_to_settle(self, month: date, after: str, limit: int) -> Sequence[str]:
        """A page of clients."""
        settled = {row.client_id: row for row in self._of(SettlementRow)}

        def is_unsettled(posting: PostingRow) -> bool:
            done = settled.get(posting.client_id)
            if done is None:
                return True
            is_new = posting.position > done.position or posting.posted_on >= done.statement_month
            return is_new and done.statement_month <= month

        found = {
            posting.client_id
            for posting in self._of(PostingRow)
            if posting.client_id > after and posting.posted_on < month and is_unsettled(posting)
        }
        return self._page(sorted(found)[:limit])

    def payees_to_pay(
        self, month: date, through_position: int, after: str, limit: int
    ) -> Sequence[PayeeToPay]:
        """A page of payees."""
        payees = sorted({line.payee_id for line in self._of(CommissionLineRow)})
        found = (
            self._unpaid(payee_id, month, through_position)
            for payee_id in payees
            if payee_id > after
        )
        return self._page([payee for payee in found if payee is not None][:limit])

    def lines(self, payee_id: str, after: int, through: int) -> list[CommissionLineRow]:
        """A payee's lines between two positions, in the order recorded."""
        lines = [
            line
            for line in self._of(CommissionLineRow)
            if line.payee_id == payee_id and after < line.position <= through
        ]
        return sorted(lines, key=lambda line: (line.position, line.number))

    def _unpaid(self, payee_id: str, month: date, through: int) -> PayeeToPay | None:
        statements = [row for row in self._of(StatementRow) if row.payee_id == payee_id]
        if any(statement.month >= month for statement in statements):
            return None
        after = max((statement.through_position for statement in statements), default=0)
        lines = self.lines(payee_id, after, through)
        if not lines or any(line.statement_month > month for line in lines):
            return None
        return PayeeToPay(payee_id, after, len(lines), sum(line.share_cents for line in lines))

    def _of(self, kind: type[R]) -> Iterator[R]:
        projection = Invoices() if kind is PostingRow else Commissions()
        return (row for row in self._rows.rows(projection) if isinstance(row, kind))

    def _page(self, page: list[T]) -> list[T]:
        self.pages.append(len(page))
        return page
