"""What the doors need: the ports behind the HTTP API, filled once by ``adapters/bootstrap.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.outbound.access_reads import AccessReads
    from adapters.outbound.accesses import AccessLog
    from adapters.outbound.api_keys import ApiKeys
    from adapters.outbound.as_known import AsKnown
    from adapters.outbound.billing_reads import BillingReads
    from adapters.outbound.commission_reads import CommissionReads
    from adapters.outbound.effect_reads import EffectReads
    from adapters.outbound.read_store import ReadStore
    from adapters.outbound.transaction_reads import TransactionReads
    from processors.archiving import LogMoment
    from processors.billing_run import BillingRun
    from processors.command_processor import CommandProcessor
    from processors.ports import Clock, RowStore
    from processors.proof_ports import ProofStore, ProvableLog
    from processors.run_service import Runs
    from processors.tallies import Distribution


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of the HTTP door."""

    version: str = "0.1.0"
    """Of the program, shown in the API's document."""
    body_limit_bytes: int = 1_000_000
    """Of a single transaction, and of one line of a batch."""
    after_timeout_seconds: float = 5.0
    """How long ``?after=`` waits for a projection."""
    batch_in_flight: int = 256
    """How many lines of one batch are decided at a time."""


@dataclass(frozen=True, slots=True)
class Services:
    """The ports behind the doors."""

    commands: CommandProcessor
    log: ProvableLog
    rows: RowStore
    """Positions and parked clients of the projections."""
    reads: ReadStore
    as_known: AsKnown
    """Makes the same reads show an earlier moment."""
    transactions: TransactionReads
    invoices: BillingReads
    commissions: CommissionReads
    effects: EffectReads
    """What transactions did to both."""
    keys: ApiKeys
    accesses: AccessLog
    """Takes records of who read whose personal data."""
    access_reads: AccessReads
    """Lists them, for auditors."""
    runs: Runs
    """Billing and commission runs."""
    billing: BillingRun
    """Says what a billing run would do."""
    proofs: ProofStore
    """The tree of hashes over the log, and its checkpoints."""
    moment: Callable[[], AbstractContextManager[LogMoment]]
    """The log as it is now, with its tree, for an archive."""
    clock: Clock
    relayed: Callable[[], int | None]
    """How far the log was passed on to the topic; None where there is none."""
    projections: tuple[str, ...]
    """Names of all projections: a transaction is completed when each has applied it."""
    batches: Mapping[str, Distribution]
    """By projection that is applied in this process: events applied in one transaction."""
    http: HttpSettings = field(default_factory=HttpSettings)
