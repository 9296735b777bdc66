"""The API does what its description says: schemathesis asks everything that it describes, and much that it does not."""

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from stagepass.declare.registry import Registry
from stagepass.pipelines.promo.pipeline import promo
from tests.support.api import Installation, RedisServer, ended, installation, submitted
from tests.support.pipelines.demo.pipeline import demo, quick

pytest_plugins = ("tests.support.api_fixtures",)
pytestmark = pytest.mark.timeout(120)

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
    negative_data_rejection,
]


LIMITS = {"pattern", "format", "enum", "const", "minLength", "maxLength"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Installation]:
    registry = Registry([demo, quick, promo])
    with installation(tmp_path_factory.mktemp("openapi"), redis.url, registry) as made:
        made.work("demo.draft", "demo.word", "demo.paper", "quick.only")
        with made.client() as client:
            ended(client, submitted(client))
        yield made


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "not fitting"])
def test_it_does_what_it_says(world: Installation, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{world.server.url}/openapi.json")
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and anything_goes(operation):
            continue

        @settings(
            max_examples=8,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            assume(not loses_letters(case.body))  # its length counts after that
            asked += 1
            answer = case.call(timeout=20)
            case.validate_response(answer, checks=CHECKS)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == ["application/problem+json"]

        try:
            ask()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # nothing can be wrong about a body that may be anything
    assert asked > 100


def loses_letters(value: Any) -> bool:
    """Whether a text has characters that nobody sees, which are left out before its length is looked at."""
    if isinstance(value, dict):
        return any(loses_letters(inner) for inner in value.values())
    if isinstance(value, list):
        return any(loses_letters(inner) for inner in value)
    return isinstance(value, str) and any(unicodedata.category(letter)[0] == "C" for letter in value)


def anything_goes(operation: Any) -> bool:
    """Nothing can be wrong about a request that takes only texts of any kind; looking for it takes long."""

    def plain(schema: dict[str, Any]) -> bool:
        kinds = schema.get("anyOf", [schema])
        return all(kind.get("type") in ("string", "null") and not kind.keys() & LIMITS for kind in kinds)

    return not list(operation.body) and all(plain(one.definition["schema"]) for one in operation.iter_parameters())


def test_the_description_is_good_to_read(world: Installation) -> None:
    document = world.app.openapi()
    assert document["info"]["title"] == "Stagepass"
    tags = {tag["name"] for tag in document["tags"]}
    ids = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation.get("summary"), where
            assert operation.get("description"), where
            assert set(operation["tags"]) & (tags | {"demo", "promo"}), where
            assert operation["responses"]["404"]["content"]["application/problem+json"], where
            ids.append(operation["operationId"])
    assert len(ids) == len(set(ids))
    body = document["paths"]["/api/v1/pipelines/promo/jobs"]["post"]["requestBody"]["content"]
    assert body["application/json"]["examples"]["example 1"]["value"] == promo.examples[0]
    assert body["multipart/form-data"]["schema"]["properties"]["images"]["type"] == "array"
    assert document["components"]["schemas"]["promo.File"]["format"] == "binary"  # never a stored file by name


@pytest.mark.parametrize(
    ("mode", "schemes"),
    [
        ({"auth_mode": "none"}, {"user"}),
        ({"auth_mode": "api_key", "api_keys": "ann:0123456789abcdef"}, {"bearer", "apiKey"}),
        ({"auth_mode": "jwt", "jwt_secret": "x" * 32}, {"bearer"}),
        ({"auth_mode": "header", "trusted_proxies": "10.0.0.0/8"}, {"gateway"}),
    ],
)
def test_it_says_how_to_say_who_one_is(
    tmp_path: Any, redis: RedisServer, mode: dict[str, str], schemes: set[str]
) -> None:
    from stagepass.api.app import create_app
    from tests.support.api import make_system

    system = make_system(tmp_path, redis.url, **mode)
    document = create_app(system).openapi()
    assert set(document["components"]["securitySchemes"]) == schemes
    assert document["paths"]["/api/v1/jobs"]["get"]["security"][0]
    system.close()


def test_every_text_that_comes_in_is_bounded(tmp_path: Any, redis: RedisServer) -> None:
    """In each field of each body and of each pipeline's input, found from the description; addresses end at the edge."""
    from stagepass.api.app import create_app
    from stagepass.pipelines.discover import discover
    from tests.support.api import make_system

    system = make_system(tmp_path, redis.url, discover())
    document = create_app(system).openapi()
    system.close()
    schemas, endless, seen = document["components"]["schemas"], [], 0

    def look(schema: Any, where: str) -> None:
        nonlocal seen
        if not isinstance(schema, dict):
            return
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            look(schemas[name], where) if not where.endswith(name) else None
            return
        if schema.get("type") == "string":
            seen += 1
            if not schema.keys() & {"maxLength", "pattern", "enum", "const", "format"}:
                endless.append(where)
        for inner in (*schema.get("anyOf", ()), *schema.get("allOf", ()), schema.get("items")):
            look(inner, where)
        for name, inner in schema.get("properties", {}).items():
            look(inner, f"{where}.{name}")

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {}).get("content", {}).items():
                if content[0] == "application/json":
                    look(content[1]["schema"], f"{method} {path}")
    assert endless == []
    assert seen > 20
