"""The OpenAPI document, held against what the server does: schemathesis makes up the requests."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.conformance.stores import one_trial, spec_of
from tests.web.conftest import HOST

from danlu.stores.memory import MemoryStore
from danlu.web.app import create_app
from danlu.web.guard import Access

ACCESS = Access()
CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
)  # fmt: skip


def kept() -> MemoryStore:
    store = MemoryStore()
    store.create(spec_of())
    store.append("digits", one_trial())
    return store


STORE = kept()
APP = create_app(STORE, STORE, "memory", ACCESS)


DOCUMENT = APP.openapi()
API = schemathesis.openapi.from_dict(DOCUMENT).exclude(path_regex="/events$")  # it does not end
API.app = APP
OPERATIONS = [found.ok() for found in API.get_all_operations() if isinstance(found, Ok)]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.label)
def test_any_request_gets_an_answer_that_the_document_tells(operation: Any) -> None:
    headers = {"Authorization": f"Bearer {ACCESS.control}", "Host": HOST}

    @settings(
        max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        if case.path_parameters and case.path_parameters.get("study"):
            case.path_parameters["study"] = "digits"  # or it would never be found
        case.call_and_validate(headers=headers, base_url=f"http://{HOST}", checks=CHECKS)

    check()


def test_every_route_is_described() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, about in methods.items():
            assert about["description"], f"{method} {path}"
            assert {"401", "403", "421"} <= set(about["responses"])
