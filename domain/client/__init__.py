"""The index of actions: what a broker or the carrier can do to a client, one file each."""

from __future__ import annotations

from domain.client.add_dependent import AddDependent, DependentAdded
from domain.client.add_subgroup import AddSubgroup, SubgroupAdded
from domain.client.add_subscriber import AddSubscriber, SubscriberAdded
from domain.client.approve_exception import ApproveException, ExceptionApproved
from domain.client.assign_agent_of_record import AgentOfRecordAssigned, AssignAgentOfRecord
from domain.client.change_address import AddressChanged, ChangeAddress
from domain.client.change_contact import ChangeContact, ContactChanged
from domain.client.change_division import ChangeDivision, DivisionChanged
from domain.client.change_name import ChangeName, NameChanged
from domain.client.change_plan import ChangePlan, PlanChanged
from domain.client.confirm_id_card import ConfirmIdCard, IdCardConfirmed
from domain.client.correct_birth_date import BirthDateCorrected, CorrectBirthDate
from domain.client.elect_cobra import CobraElected, ElectCobra
from domain.client.offer_plan import OfferPlan, PlanOffered
from domain.client.open_client import ClientOpened, OpenClient
from domain.client.order_id_card import IdCardOffered, IdCardOrdered, OrderIdCard
from domain.client.post_payment import (
    CreditRefunded,
    PaymentBounced,
    PaymentPosted,
    PostPayment,
)
from domain.client.produce_invoice import InvoiceProduced, ProduceInvoice
from domain.client.reinstate_member import MemberReinstated, ReinstateMember
from domain.client.remove_dependent import DependentRemoved, RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber, SubscriberRemoved
from domain.client.renew_client import ClientRenewed, RenewClient
from domain.client.set_commission_terms import CommissionTermsSet, SetCommissionTerms
from domain.client.settle_commission import CommissionSettled, SettleCommission
from domain.client.terminate_client import ClientTerminated, TerminateClient
from domain.kernel import Command, Event, TransactionRefused

ACTIONS: tuple[type[Command], ...] = (
    AddSubscriber,
    RemoveSubscriber,
    AddDependent,
    RemoveDependent,
    ChangeName,
    ChangeAddress,
    ChangeContact,
    CorrectBirthDate,
    ChangePlan,
    ChangeDivision,
    ReinstateMember,
    ElectCobra,
    OrderIdCard,
    OpenClient,
    AddSubgroup,
    OfferPlan,
    AssignAgentOfRecord,
    SetCommissionTerms,
    RenewClient,
    TerminateClient,
    ConfirmIdCard,
    ApproveException,
    ProduceInvoice,
    PostPayment,
    SettleCommission,
)

EVENT_TYPES: tuple[type[Event], ...] = (
    TransactionRefused,
    SubscriberAdded,
    SubscriberRemoved,
    DependentAdded,
    DependentRemoved,
    NameChanged,
    AddressChanged,
    ContactChanged,
    BirthDateCorrected,
    PlanChanged,
    DivisionChanged,
    MemberReinstated,
    CobraElected,
    IdCardOffered,
    IdCardOrdered,
    IdCardConfirmed,
    ClientOpened,
    SubgroupAdded,
    PlanOffered,
    AgentOfRecordAssigned,
    CommissionTermsSet,
    ClientRenewed,
    ClientTerminated,
    ExceptionApproved,
    InvoiceProduced,
    PaymentPosted,
    CreditRefunded,
    PaymentBounced,
    CommissionSettled,
)
