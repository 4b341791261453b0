"""The streams of the log: each is the history of one client or of one payee.

Both are decided, evolved, versioned and answered alike. Their actions are their own: a client's are
listed in ``domain/client/__init__.py``, a payee's in ``domain/payee/__init__.py``.
"""

from __future__ import annotations

from domain.client.state import Client
from domain.payee.state import Payee, is_payee

Stream = Client | Payee
"""What a history is folded into."""


def new_stream(stream_id: str) -> Stream:
    """What a stream is before its first event."""
    return Payee(stream_id) if is_payee(stream_id) else Client(stream_id)


def is_known(stream: Stream) -> bool:
    """Whether there is such a client or payee, or only someone who asked for one.

    A client is there once it is opened; a payee once its history has anything in it.
    """
    return stream.is_open if isinstance(stream, Client) else stream.version > 0


def weight(stream: Stream) -> int:
    """How much memory its state takes, in members of a client."""
    return 1 + (len(stream.members) if isinstance(stream, Client) else 0)
