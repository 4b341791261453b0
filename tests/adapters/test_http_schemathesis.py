"""The API keeps to its own document, whatever is sent: schemathesis against the real system."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from adapters.inbound.http_api import doors
from tests.adapters.served import Served, served_with_harbor

EXAMPLES_OF_EACH = 15
LEFT_OUT = {"positive_data_acceptance"}
"""A transaction of the right form may still be refused by a rule."""
OF_LINES = LEFT_OUT | {"negative_data_rejection"}
"""A batch is taken whatever is in it: each line gets its own answer."""


@schemathesis.serializer("application/x-ndjson")
def lines(_context: object, value: object) -> bytes:
    """Lines are sent as they are."""
    return str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The system with Harbor Bakery in it."""
    with served_with_harbor(module_database_url) as api:
        yield api


schema = schemathesis.openapi.from_dict(json.loads(doors("1").state.document))


@schema.parametrize()
@settings(
    max_examples=EXAMPLES_OF_EACH,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_of_the_document(case: schemathesis.Case[Any], api: Served) -> None:
    """No 5xx; status, media type, headers and body are as described; wrong input is refused."""
    names = OF_LINES if case.operation.path == "/v1/transaction-batches" else LEFT_OUT
    left_out: list[Any] = [check for check in CHECKS.get_all() if check.__name__ in names]
    for who in ("importer", "portal"):
        case.call_and_validate(
            base_url=api.url, headers=api.authorization(who), excluded_checks=left_out
        )
