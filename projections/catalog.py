"""What projections there are. Processors, readers and lag take them from here, by name."""

from __future__ import annotations

from projections.book_of_business import BookOfBusiness
from projections.commissions import Commissions
from projections.invoices import Invoices
from projections.kernel import Projection
from projections.transactions import Transactions

PROJECTIONS: tuple[Projection, ...] = (BookOfBusiness(), Transactions(), Invoices(), Commissions())
"""Every projection, one instance each: they hold nothing."""
