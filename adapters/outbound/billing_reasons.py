"""Why an earlier month is billed again, in words: what an adjustment's line says of its cause."""

from __future__ import annotations

from datetime import date

_WORDS = {
    "add_subscriber": "Subscriber added",
    "add_dependent": "Dependent added",
    "change_plan": "Plan changed",
    "change_division": "Division changed",
    "correct_birth_date": "Birth date corrected",
    "reinstate_member": "Coverage reinstated",
    "elect_cobra": "COBRA elected",
    "offer_plan": "Plan offered",
    "renew_client": "Client renewed",
}
"""By the type of a transaction that states the first day on which it holds, or no day at all."""
_ENDINGS = {
    "remove_subscriber": "Subscriber removed",
    "remove_dependent": "Dependent removed",
    "terminate_client": "Client ended",
}
"""By the type of a transaction that states a last covered day."""


def reason_text(
    transaction_type: str,
    received_on: date,
    effective_on: date | None,
    member_id: str | None,
) -> str:
    """A cause in a sentence, such as "Subscriber removed, last day 2026-03-31, received …".

    ``member_id`` is given where the cause is about someone else than the line shows.
    """
    is_ending = transaction_type in _ENDINGS
    words = (_ENDINGS if is_ending else _WORDS).get(transaction_type)
    text = words or transaction_type.replace("_", " ").capitalize()
    if member_id is not None:
        text += f" ({member_id})"
    if effective_on is not None:
        text += f", {'last day' if is_ending else 'from'} {effective_on}"
    return f"{text}, received {received_on}"
