"""The story of a client and its agency, in which every action and every kind of event happens.

As a sender writes it: the wire form of each transaction, with the day on which it is received. What
is said of people comes from outside, so that a test can say things it will find again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.kernel import Actor
from domain.payee.access import COMMISSION_RUN
from domain.payee.state import stream_id
from domain.streams import Stream, new_stream
from processors.deciding import Decision, decide
from processors.receipts import Submission

CLIENT = "HARBOR"
PRODUCER, AGENCY = "P1", "A1"
MIA, LEO, ZOE = "20000000001", "20000000002", "20000000003"
RUN = Actor(COMMISSION_RUN, "carrier")
CARRIER = Actor("importer", "carrier", permissions=frozenset({"backfill"}))

Body = dict[str, Any]


@dataclass(frozen=True)
class People:
    """What the story says of people: Mia, her husband Leo and their child Zoe."""

    group: str = "Harbor Bakery"
    mia: Body | None = None
    mia_renamed: Body | None = None
    leo: Body | None = None
    zoe: Body | None = None
    address: Body | None = None
    moved_to: Body | None = None
    contact: Body | None = None
    reached_at: Body | None = None
    mia_born: str = "1987-05-20"
    mia_born_really: str = "1987-05-02"
    leo_born: str = "1989-11-02"
    account: str = "4417"
    reason: str = "The employer's notice was lost in the mail."


def _name(first: str, middle: str, last: str) -> Body:
    return {"first": first, "middle": middle, "last": last}


def _address(line1: str, line2: str, city: str, zip_code: str) -> Body:
    return {"line1": line1, "line2": line2, "city": city, "state": "CT", "zip": zip_code}


NOBODY = People(
    mia=_name("Mia", "R.", "Silva"),
    mia_renamed=_name("Mia", "Rosa", "Silva-Stone"),
    leo=_name("Leo", "T.", "Stone"),
    zoe=_name("Zoe", "A.", "Stone"),
    address=_address("12 Quay Street", "Apt. 4", "Mystic", "06355"),
    moved_to=_address("7 Elm Road", "Floor 2", "Groton", "06340-1234"),
    contact={"email": "mia@example.com", "phone": "860-555-0142"},
    reached_at={"email": "mia.silva@example.org", "phone": "860-555-0143"},
)
"""People who were made up."""


@dataclass(frozen=True)
class Step:
    """A transaction and what becomes of it."""

    received_on: date
    body: Body
    refused: str | None = None
    key: str | None = None
    """Its idempotency key, where a later step names its transaction; else its number makes one."""

    @property
    def is_of_a_run(self) -> bool:
        """Whether no door takes it, for it comes from a commission run alone."""
        return bool(self.body["type"] == "produce_statement")

    @property
    def address(self) -> Body:
        """Whose action it is, as a line says it."""
        return address_of(self.body)

    @property
    def received_at(self) -> datetime:
        """Noon in Connecticut, or an hour later."""
        return datetime.combine(self.received_on, time(17), UTC)


def every_action(people: People = NOBODY) -> list[Step]:
    """The story, in the order received."""
    return [
        *_opening(people),
        *_months_are_billed(),
        *_people_join(people),
        *_people_change(people),
        *_bills_are_paid(),
        *_people_leave(),
        *_the_year_ends(),
        *_the_agency_is_paid(people),
    ]


def _opening(people: People) -> Iterator[Step]:
    on, start = date(2024, 12, 5), "2025-01-01"
    opening: Body = {"type": "open_client", "name": people.group, "segment": "small_group"}
    opening |= {"county": "New London", "part_month_rule": "wash", "effective_on": start}
    opening |= {"full_time_employees": "7", "part_time_hours": "260", "account_manager": "Desk 4"}
    yield Step(on, opening)
    for subgroup in ("MAIN", "WEST"):
        yield Step(on, _to("add_subgroup", subgroup_id=subgroup, name=subgroup, effective_on=start))
    for plan, subgroup in (("GOLD", "MAIN"), ("SILVER", "MAIN"), ("SILVER", "WEST")):
        offer = _to("offer_plan", plan_id=plan, name=plan.title(), effective_on=start)
        offer |= {"subgroup_id": subgroup, "last_day": "2026-12-31", "rate": {"base": "480.00"}}
        yield Step(on, offer)
    shares = [{"payee_id": AGENCY, "percent": "70"}, {"payee_id": PRODUCER, "percent": "30"}]
    agent = _to("assign_agent_of_record", producer_id=PRODUCER, agency_id=AGENCY, appointed=True)
    agent |= {"licence_number": "2345678", "licensed_states": ["CT"], "payee": "agency"}
    yield Step(on, agent | {"letter_received_on": "2024-12-02", "shares": shares})
    bands = [{"percent": "5", "up_to": "20000.00"}, {"percent": "3.5"}]
    terms = {"kind": "graded", "bands": bands}
    yield Step(on, _to("set_commission_terms", effective_on=start, terms=terms))


def _months_are_billed() -> Iterator[Step]:
    """Before anyone joins: so what they cost in these months is billed in arrears."""
    for month, run_on in (("2025-01-01", "2024-12-16"), ("2025-02-01", "2025-01-15")):
        run = _to("produce_invoice", month=month, run_on=run_on)
        yield Step(date.fromisoformat(run_on), run)
    early = _to("post_payment", amount="150.00", paid_on="2025-02-03", reference="Check 1001")
    yield Step(date(2025, 2, 3), early)


def _people_join(people: People) -> Iterator[Step]:
    on, start = date(2025, 3, 10), "2025-01-01"
    exception = _to("approve_exception", member_id=MIA, transaction_type="add_subscriber")
    yield Step(on, exception | {"effective_on": start, "reason": people.reason})
    leo = {"member_id": LEO, "relationship": "spouse", "name": people.leo}
    leo |= {"birth_date": people.leo_born}
    mia = _to("add_subscriber", member_id=MIA, name=people.mia, birth_date=people.mia_born)
    mia |= {"address": people.address, "contact": people.contact, "subgroup_id": "MAIN"}
    yield Step(on, mia | {"plan_id": "GOLD", "effective_on": start, "dependents": [leo]})
    zoe = _to("add_dependent", subscriber_id=MIA, member_id=ZOE, relationship="child")
    zoe |= {"name": people.zoe, "birth_date": "2025-02-20", "effective_on": "2025-02-20"}
    zoe |= {"address": people.address, "contact": people.contact, "reason": "birth"}
    yield Step(on, zoe)


def _people_change(people: People) -> Iterator[Step]:
    on = date(2025, 3, 11)
    yield Step(on, _to("change_name", member_id=MIA, name=people.mia_renamed))
    yield Step(on, _to("change_address", member_id=MIA, address=people.moved_to))
    yield Step(on, _to("change_contact", member_id=MIA, **people.reached_at or {}))
    yield Step(on, _to("correct_birth_date", member_id=MIA, birth_date=people.mia_born_really))
    yield Step(on, _to("order_id_card", member_id=MIA, reason="name_change"))
    yield Step(date(2025, 3, 14), _to("confirm_id_card", member_id=MIA))
    on = date(2025, 3, 20)
    yield Step(
        on,
        _to("change_plan", member_id=MIA, plan_id="PLATINUM", effective_on="2025-04-01"),
        refused="plan_unknown",
    )
    yield Step(on, _to("change_plan", member_id=MIA, plan_id="SILVER", effective_on="2025-04-01"))
    division = _to("change_division", member_id=MIA, subgroup_id="WEST")
    yield Step(on, division | {"effective_on": "2025-05-01"})


def _bills_are_paid() -> Iterator[Step]:
    """A payment bounces, the next one is too large, and the agency earns on what was posted."""
    run = _to("produce_invoice", month="2025-03-01", run_on="2025-03-21")
    yield Step(date(2025, 3, 21), run)
    check = _to("post_payment", amount="3000.00", paid_on="2025-04-01", reference="Check 1002")
    yield Step(date(2025, 4, 1), check, key="check-1002")
    bounced = _to("post_payment", kind="bounced", payment=_transaction_id("check-1002"))
    yield Step(date(2025, 4, 4), bounced | {"paid_on": "2025-04-03", "reference": "Return R01"})
    transfer = _to("post_payment", amount="9000.00", reference="Transfer 7")
    yield Step(date(2025, 4, 10), transfer | {"paid_on": "2025-04-09"})
    refund = _to("post_payment", kind="refund", amount="25.00", reference="Check 88")
    yield Step(date(2025, 4, 11), refund | {"paid_on": "2025-04-11"})
    yield Step(date(2025, 5, 5), _to("settle_commission", statement_month="2025-05-01"))


def _people_leave() -> Iterator[Step]:
    on = date(2025, 6, 10)
    yield Step(on, _to("remove_dependent", member_id=ZOE, last_day="2025-05-31"))
    yield Step(on, _to("remove_subscriber", member_id=MIA, last_day="2025-06-30"))
    yield Step(on, _to("reinstate_member", member_id=MIA, effective_on="2025-07-01"))
    yield Step(on, _to("remove_subscriber", member_id=MIA, last_day="2025-07-31"))
    yield Step(on, _to("elect_cobra", member_id=MIA, event="termination"))


def _the_year_ends() -> Iterator[Step]:
    rates = {"GOLD": {"base": "505.00"}, "SILVER": {"base": "498.50"}}
    renewal = _to("renew_client", effective_on="2026-01-01", rates=rates)
    yield Step(date(2025, 11, 10), renewal)
    yield Step(date(2025, 12, 1), _to("terminate_client", last_day="2026-01-31"))


def _the_agency_is_paid(people: People) -> Iterator[Step]:
    agency = _to("register_payee", kind="agency", principal_id=PRODUCER, pay_by="eft")
    yield Step(date(2025, 1, 15), agency | {"account_ending": people.account})
    yield Step(date(2025, 1, 15), _to("share_statements", reader_id="P2", allowed=True))
    statement = _to("produce_statement", month="2025-05-01", run_on="2025-05-05", line_count=3)
    statement |= {"after_position": 0, "through_position": 25, "lines_cents": 12_000}
    yield Step(date(2025, 5, 5), statement)


def address_of(body: Body) -> Body:
    """The client or payee of the story whose action it is, as a line says it."""
    return {"payee_id": AGENCY} if body["type"] in PAYEE_COMMANDS else {"client_id": CLIENT}


def _to(action: str, **fields: Any) -> Body:
    return {"type": action, **fields}


def _transaction_id(key: str) -> str:
    """The id of the transaction that the carrier sends under a key."""
    command = COMMANDS["post_payment"].model_validate(COMMANDS["post_payment"].example)
    return Submission(CARRIER, CLIENT, key, command).transaction_id


def decided(steps: list[Step]) -> Iterator[tuple[Step, Decision]]:
    """What each step comes to, one after the other, in histories that begin empty."""
    streams: dict[str, Stream] = {}
    for number, step in enumerate(steps, start=1):
        action = (COMMANDS | PAYEE_COMMANDS).get(step.body["type"])
        if action is None:
            continue  # test_completeness says that it is not in the index
        payee_id = step.address.get("payee_id")
        stream = CLIENT if payee_id is None else stream_id(payee_id)
        submission = Submission(
            actor=RUN if step.is_of_a_run else CARRIER,
            client_id=stream,
            key=step.key or f"key-{number}",
            command=action.model_validate(step.body),
            received_at=step.received_at,
            correlation_id=f"task-{number}",
        )
        state = streams.setdefault(stream, new_stream(stream))
        yield step, decide(submission, state, step.received_at)
