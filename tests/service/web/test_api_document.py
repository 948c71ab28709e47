"""The API as its document says: whatever is sent, no server error, and answers of the stated shape."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from service.web.app import api_document, create_app
from service.web.credentials import issue_token
from service.web.people import add_person
from service.web.server import Access, Server

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12
OPERATIONS = [
    (method.upper(), path)
    for path, calls in api_document()["paths"].items()
    for method in calls
    if (method, path) != ("delete", "/api/v1/credentials/{credential_id}")  # could end the session it is sent with
]


@pytest.fixture
def open_app(service: Server):
    """The app on any host, its background asleep: what is asked for waits."""
    return create_app(replace(service, access=Access()))


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_no_call_breaks_the_server(open_app: Callable[..., object], service: Server, method: str, path: str):
    admin = add_person(service.store, "Schema", role="admin", may_reveal=True)
    _, token = issue_token(service.store, admin, name="schema", scope="admin", days=1)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", open_app)
    operation = schema[path][method]

    @given(case=operation.as_strategy())
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    def check(case: schemathesis.Case) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(answer, checks=CHECKS)

    check()


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_every_call_wants_a_token(anonymous: TestClient, method: str, path: str):
    answer = anonymous.request(method, path.replace("{", "").replace("}", ""))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_call_and_field_is_explained():
    document = api_document()
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            assert call.get("description"), f"{method} {path}"
    assert "HTTPValidationError" not in json.dumps(document)
