"""What projections there are. Processors, readers and lag take them from here, by name."""

from __future__ import annotations

from projections.book_of_business import BookOfBusiness
from projections.kernel import Projection
from projections.transactions import Transactions

PROJECTIONS: tuple[Projection, ...] = (BookOfBusiness(), Transactions())
"""Every projection, one instance each: they hold nothing."""
