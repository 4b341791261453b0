"""The eventsourcing library as its documentation uses it: an aggregate, an application, save()."""

from __future__ import annotations

from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event


class Account(Aggregate):
    """An aggregate with an address."""

    def __init__(self) -> None:
        self.address = ("", "")

    @event("AddressChanged")
    def change_address(self, line1: str, city: str) -> None:
        """Change the address."""
        self.address = (line1, city)


class Addresses(Application[UUID]):
    """Loads, changes and saves accounts."""

    def open_client(self) -> UUID:
        """A new account."""
        account = Account()
        self.save(account)
        return account.id

    def change_address(self, account_id: UUID, line1: str, city: str) -> None:
        """Load, change, save."""
        account: Account = self.repository.get(account_id)
        account.change_address(line1, city)
        self.save(account)
