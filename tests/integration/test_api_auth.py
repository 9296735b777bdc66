"""Who may ask, by AUTH_MODE: what is let in, and what is not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest

from stagepass.api.app import create_app
from stagepass.auth.authenticate import make_authenticate
from stagepass.auth.tokens import Tokens
from stagepass.errors import SettingsError
from stagepass.settings import Settings
from tests.support.api import Installation, RedisServer, Server, make_system

pytest_plugins = ("tests.support.api_fixtures",)

SECRET = "a shared secret of at least 32 bytes"
KEY_ANN, KEY_BOB = "ann-key-0123456789abcdef", "bob-key-0123456789abcdef"
HELLO = "/api/v1/demo/hello"

Ask = Callable[..., httpx2.Response]


@contextmanager
def serving(folder: Path, redis: RedisServer, **settings: Any) -> Iterator[Ask]:
    """An app under these settings; asks who it takes the caller for."""
    system = make_system(folder, redis.url, **settings)
    server = Server(create_app(system)).start()
    with httpx2.Client(base_url=server.url, trust_env=False) as client:

        def ask(headers: Any = None, path: str = HELLO, method: str = "GET") -> httpx2.Response:
            return client.request(method, path, headers=headers)

        yield ask
    server.stop()
    system.close()


def name(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["hello"]
    return found


def refused(answer: httpx2.Response, status: int = 401) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == {401: "unauthenticated", 403: "forbidden", 400: "bad_request"}[status]
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


# ── none ──


@pytest.fixture(scope="module")
def nobody(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Ask]:
    with serving(tmp_path_factory.mktemp("none"), redis, public_url="http://home.example:8000") as ask:
        yield ask


def test_none_names_the_user_by_header_or_takes_local(nobody: Ask) -> None:
    assert name(nobody()) == "local"
    assert name(nobody({"X-User-ID": "ann"})) == "ann"
    assert name(nobody({"X-User-ID": "안나".encode()})) == "안나"


@pytest.mark.parametrize("bad", [b"x" * 201, b"\xff\xfe", b"a\xe2\x80\xaeb", b""])
def test_none_refuses_a_name_that_is_none(nobody: Ask, bad: bytes) -> None:
    refused(nobody({"X-User-ID": bad}))


def test_none_refuses_two_names(nobody: Ask) -> None:
    refused(nobody([("X-User-ID", "ann"), ("X-User-ID", "bob")]), 400)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "10.0.0.5", ""])
def test_none_answers_to_no_name_that_was_bent_to_this_machine(nobody: Ask, host: str) -> None:
    """DNS rebinding: a page of evil.example, whose name points at 127.0.0.1, speaks to us with its own name."""
    refused(nobody({"Host": host}), 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1:8000", "[::1]:8000", "home.example"])
def test_none_answers_to_this_machines_names(nobody: Ask, host: str) -> None:
    assert name(nobody({"Host": host})) == "local"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_none_lets_no_other_sites_page_write(nobody: Ask, headers: dict[str, str]) -> None:
    """A form with files needs no leave of the browser's to be sent to another site."""
    refused(nobody(headers, "/api/v1/me/data", "DELETE"), 403)
    assert nobody({"Sec-Fetch-Site": "cross-site"}).status_code == 200  # reading: the browser shows it to nobody


def test_none_lets_its_own_page_write(nobody: Ask) -> None:
    headers = {"Host": "localhost:8000", "Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}
    assert nobody(headers, "/api/v1/me/data", "DELETE").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_none_refuses_to_start_where_others_reach_it(tmp_path: Path, redis: RedisServer, host: str) -> None:
    with pytest.raises(SettingsError, match="AUTH_MODE=none"):
        create_app(make_system(tmp_path, redis.url, host=host))


def test_none_refuses_to_answer_where_others_reach_it_all_the_same(tmp_path: Path, redis: RedisServer) -> None:
    """Uvicorn told to listen elsewhere than the settings say."""
    from starlette.requests import HTTPConnection

    authenticate = make_authenticate(Settings.load(_env_file=None, data_dir=tmp_path))
    scope = {"type": "http", "method": "GET", "headers": [(b"host", b"localhost")], "server": ("10.0.0.5", 8000)}
    from stagepass.errors import Forbidden

    with pytest.raises(Forbidden):
        authenticate(HTTPConnection(scope))
    assert authenticate(HTTPConnection({**scope, "server": ("127.0.0.1", 8000)})).name == "local"
    assert authenticate(HTTPConnection({**scope, "server": ("/run/api.sock", None)})).name == "local"


# ── api_key ──


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Ask]:
    given = f"ann:{KEY_ANN}, bob:{KEY_BOB},ann:{KEY_ANN}-new"
    with serving(tmp_path_factory.mktemp("keys"), redis, auth_mode="api_key", api_keys=given, host="0.0.0.0") as ask:
        yield ask


def test_a_key_names_its_caller(keys: Ask) -> None:
    assert name(keys({"Authorization": f"Bearer {KEY_ANN}"})) == "ann"
    assert name(keys({"Authorization": f"bearer  {KEY_ANN}-new"})) == "ann"
    assert name(keys({"X-API-Key": KEY_BOB})) == "bob"
    assert name(keys({"X-API-Key": KEY_BOB, "Authorization": f"Bearer {KEY_BOB}"})) == "bob"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-User-ID": "ann"},
        {"Authorization": KEY_ANN},
        {"Authorization": f"Basic {KEY_ANN}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {KEY_ANN[:-1]}"},
        {"Authorization": f"Bearer {KEY_ANN}x"},
        {"Authorization": "Bearer ann"},
        {"Authorization": f"Bearer ann:{KEY_ANN}"},
        {"X-API-Key": ""},
        {"X-API-Key": f"{KEY_ANN},{KEY_BOB}"},
        {"X-API-Key": KEY_BOB, "Authorization": f"Bearer {KEY_ANN}"},
        {"X-API-Key": KEY_BOB, "Authorization": "Bearer wrong"},
        [("X-API-Key", KEY_ANN), ("X-API-Key", KEY_BOB)],
        [("Authorization", f"Bearer {KEY_ANN}"), ("Authorization", f"Bearer {KEY_BOB}")],
        {"X-API-Key": "한국".encode()},
    ],
)
def test_no_key_or_a_wrong_one_is_refused(keys: Ask, headers: Any) -> None:
    refused(keys(headers))


@pytest.mark.parametrize("given", ["", "ann", "ann:", "ann:short", f":{KEY_ANN}", f"ann:{KEY_ANN},bob:{KEY_ANN}"])
def test_keys_that_are_none_stop_the_start(tmp_path: Path, given: str) -> None:
    with pytest.raises(SettingsError, match="API_KEYS"):
        make_authenticate(Settings.load(_env_file=None, data_dir=tmp_path, auth_mode="api_key", api_keys=given))


# ── jwt ──


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Ask]:
    given = {"auth_mode": "jwt", "jwt_secret": SECRET, "jwt_audience": "stagepass", "jwt_issuer": "https://id.example"}
    with serving(tmp_path_factory.mktemp("jwt"), redis, **given) as ask:
        yield ask


def claims(**changes: Any) -> dict[str, Any]:
    made = {"sub": "ann", "exp": int(time.time()) + 600, "aud": "stagepass", "iss": "https://id.example", **changes}
    return {claim: value for claim, value in made.items() if value is not None}


def token(key: str = SECRET, algorithm: str = "HS256", **changes: Any) -> dict[str, str]:
    return {"Authorization": "Bearer " + jwt.encode(claims(**changes), key, algorithm)}


def forged(header: dict[str, Any], key: bytes = b"") -> dict[str, str]:
    """A token by hand, for what the library refuses to make."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    body = f"{part(header)}.{part(claims())}"
    mac = hmac.digest(key, body.encode(), hashlib.sha256) if key else b""
    return {"Authorization": f"Bearer {body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"}


def test_a_token_names_its_caller(tokens: Ask) -> None:
    assert name(tokens(token())) == "ann"
    assert name(tokens(token(sub="é한"))) == "é한"
    assert name(tokens(token(aud=["other", "stagepass"]))) == "ann"
    assert name(tokens(token(exp=int(time.time()) - 5))) == "ann"  # clocks may differ by a little


@pytest.mark.parametrize(
    "make",
    [
        dict,
        lambda: {"Authorization": "Bearer x.y.z"},
        lambda: {"X-API-Key": token()["Authorization"][7:]},
        lambda: token(key="another secret of at least 32 bytes!"),
        lambda: token(exp=int(time.time()) - 60),
        lambda: token(exp=None),
        lambda: token(sub=None),
        lambda: token(sub=""),
        lambda: token(sub="x" * 201),
        lambda: token(sub="a\nb"),
        lambda: token(nbf=int(time.time()) + 600),
        lambda: token(aud="other"),
        lambda: token(aud=None),
        lambda: token(iss="https://evil.example"),
        lambda: token(iss=None),
        lambda: token(algorithm="HS384"),
        lambda: forged({"alg": "none", "typ": "JWT"}),
        lambda: forged({"alg": "None"}),
        lambda: forged({"alg": "HS256", "crit": ["x"], "x": 1}, SECRET.encode()),
        lambda: forged({"alg": ["HS256"]}, SECRET.encode()),
        lambda: forged({}, SECRET.encode()),
        lambda: {"Authorization": token()["Authorization"] + "A"},
    ],
)
def test_a_token_that_does_not_hold_is_refused(tokens: Ask, make: Callable[[], dict[str, str]]) -> None:
    refused(tokens(make()))


def test_a_token_for_somebody_else_is_refused_where_no_audience_is_set(tmp_path: Path) -> None:
    """RFC 7519: whoever is not named by a token's audience must reject it."""
    found = Tokens(Settings.load(_env_file=None, data_dir=tmp_path, auth_mode="jwt", jwt_secret=SECRET))
    assert found.claims(token(aud=None)["Authorization"][7:])["sub"] == "ann"
    with pytest.raises(Exception, match="invalid token"):
        found.claims(token()["Authorization"][7:])


PEM = (
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----"
)


@pytest.mark.parametrize(
    ("secret", "algorithms", "told"),
    [
        ("", "HS256", "JWT_SECRET"),
        ("short", "HS256", "32 bytes"),
        (SECRET, "HS512", "64 bytes"),
        (PEM, "HS256", "PEM"),  # the classic confusion: a public key as a shared secret
        (PEM, "RS256,HS256", "one family"),
        (SECRET, "none", "one family"),
        (SECRET, "", "one family"),
        (SECRET, "RS256", "PEM"),
        ("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", "RS256", "public key"),
        ("-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----", "RS256", "JWT_"),
    ],
)
def test_keys_and_algorithms_that_do_not_fit_stop_the_start(
    tmp_path: Path, secret: str, algorithms: str, told: str
) -> None:
    given = {"auth_mode": "jwt", "jwt_secret": secret, "jwt_algorithms": algorithms}
    with pytest.raises(SettingsError, match=told):
        make_authenticate(Settings.load(_env_file=None, data_dir=tmp_path, **given))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_tokens_by_public_key(tmp_path: Path, algorithm: str) -> None:
    primitives = pytest.importorskip("cryptography.hazmat.primitives", reason="RS, ES and EdDSA need cryptography")
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    private: Any = {
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }[algorithm]()
    form = primitives.serialization
    public = private.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()
    given = {"auth_mode": "jwt", "jwt_secret": public.replace("\n", "\\n"), "jwt_algorithms": algorithm}
    found = Tokens(Settings.load(_env_file=None, data_dir=tmp_path, **given))
    good = jwt.encode(claims(aud=None), private, algorithm)
    assert found.claims(good)["sub"] == "ann"
    signed_with_the_public_key = forged({"alg": "HS256"}, public.encode())["Authorization"][7:]
    for bad in (signed_with_the_public_key, token(aud=None)["Authorization"][7:], good[:-4] + "AAAA"):
        with pytest.raises(Exception, match="invalid token"):
            found.claims(bad)


# ── header ──


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Ask]:
    given = {"auth_mode": "header", "trusted_proxies": "127.0.0.0/8", "user_header": "X-Forwarded-User"}
    with serving(tmp_path_factory.mktemp("header"), redis, **given) as ask:
        yield ask


def test_a_trusted_gateway_names_the_user(gateway: Ask) -> None:
    assert name(gateway({"X-Forwarded-User": "ann"})) == "ann"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-User-ID": "ann"},
        {"X-Forwarded-User": ""},
        [("X-Forwarded-User", "ann"), ("X-Forwarded-User", "bob")],
    ],
)
def test_a_gateway_that_names_nobody_or_two_is_refused(gateway: Ask, headers: Any) -> None:
    refused(gateway(headers))


def test_behind_a_gateway_no_other_sites_page_may_write(gateway: Ask) -> None:
    headers = {"X-Forwarded-User": "ann", "Origin": "https://evil.example"}
    refused(gateway(headers, "/api/v1/me/data", "DELETE"), 403)


@pytest.mark.parametrize("claim", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_who_is_not_the_gateway_cannot_name_anybody(tmp_path: Path, redis: RedisServer, claim: str) -> None:
    given = {"auth_mode": "header", "trusted_proxies": "10.1.2.0/24"}
    with serving(tmp_path, redis, **given) as ask:
        refused(ask({"X-User-ID": "ann", claim: "10.1.2.3"}))


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("10.1.3.3", False), ("", False), ("::1", False)],
)
def test_a_gateways_address_is_looked_at_in_each_form(tmp_path: Path, peer: str, trusted: bool) -> None:
    from starlette.requests import HTTPConnection

    given = {"auth_mode": "header", "trusted_proxies": "10.1.2.0/24"}
    authenticate = make_authenticate(Settings.load(_env_file=None, data_dir=tmp_path, **given))
    scope = {"type": "http", "method": "GET", "headers": [(b"x-user-id", b"ann")], "client": (peer, 5)}
    if trusted:
        assert authenticate(HTTPConnection(scope)).name == "ann"
    else:
        with pytest.raises(Exception, match="gateway"):
            authenticate(HTTPConnection(scope))


@pytest.mark.parametrize("networks", ["", "nonsense", "10.0.0.1/8"])
def test_a_gateway_without_a_network_stops_the_start(tmp_path: Path, networks: str) -> None:
    given = {"auth_mode": "header", "trusted_proxies": networks}
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        make_authenticate(Settings.load(_env_file=None, data_dir=tmp_path, **given))


# ── metrics ──


def test_metrics_are_for_the_caller_of_that_name(tmp_path: Path, redis: RedisServer) -> None:
    given = f"metrics:{KEY_ANN},bob:{KEY_BOB}"
    with serving(tmp_path, redis, auth_mode="api_key", api_keys=given) as ask:
        assert ask(path="/metrics").status_code == 404  # a proxy on this machine asks just so
        assert ask({"X-API-Key": KEY_BOB}, "/metrics").status_code == 404
        told = ask({"X-API-Key": KEY_ANN}, "/metrics")
        assert told.status_code == 200
        assert 'stagepass_queue_served{queue="demo.draft"} 0.0' in told.text
        assert 'stagepass_http_requests_total{method="GET",route="/metrics",status="404"} 2.0' in told.text
        assert "bob" not in told.text


def test_metrics_without_a_key_are_for_this_machine_asked_directly(nobody: Ask) -> None:
    assert nobody(path="/metrics").status_code == 200
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert nobody({name: "203.0.113.9"}, "/metrics").status_code == 404
    assert nobody({"Host": "evil.example"}, "/metrics").status_code == 403


@pytest.mark.parametrize(
    "mode",
    [
        {},
        {"auth_mode": "header", "trusted_proxies": "127.0.0.0/8"},
        {"auth_mode": "jwt", "jwt_secret": "0123456789abcdef0123456789abcdef"},
        {"auth_mode": "api_key", "api_keys": f"metrics:{KEY_ANN}"},
    ],
    ids=["none", "header", "jwt", "api_key"],
)
def test_a_key_for_the_metrics_opens_them_and_no_user_s_name_does(
    tmp_path: Path, redis: RedisServer, mode: dict[str, str]
) -> None:
    key = "0123456789abcdefKEY"
    with serving(tmp_path, redis, metrics_key=key, **mode) as ask:
        assert ask({"Authorization": f"Bearer {key}"}, "/metrics").status_code == 200
        assert ask({"X-User-ID": "metrics"}, "/metrics").status_code == 404
        assert ask({"Authorization": "Bearer " + "x" * 19}, "/metrics").status_code == 404
        assert ask(path="/metrics").status_code == 404


def test_a_user_named_metrics_reads_none(gateway: Ask) -> None:
    assert gateway({"X-Forwarded-User": "metrics"}, "/metrics").status_code == 404


# ── names and other sites ──


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/health/ready", "/docs", "/nope", "/api/v1/jobs"])
def test_a_name_that_was_bent_to_this_machine_reaches_nothing(nobody: Ask, path: str) -> None:
    refused(nobody({"Host": "evil.example:8000"}, path), 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "[::1"},
        {"Host": "a b"},
        {"Host": "a/b"},
        {"Host": "x" * 300},
        {"Host": "localhost:port"},
        {"Host": "user@localhost"},
    ],
)
def test_a_host_that_is_no_name_is_refused_as_such(nobody: Ask, gateway: Ask, headers: dict[str, str]) -> None:
    for ask in (nobody, gateway):
        refused(ask(headers, "/health/live"), 400)


@pytest.mark.parametrize("origin", ["http://[", "http://", "x", "http://a:b:c", "http://evil.example", "null", ""])
def test_an_origin_that_is_none_is_foreign(nobody: Ask, gateway: Ask, origin: str) -> None:
    refused(nobody({"Origin": origin}, "/api/v1/me/data", "DELETE"), 403)
    refused(gateway({"Origin": origin, "X-Forwarded-User": "ann"}, "/api/v1/me/data", "DELETE"), 403)


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://home.example:8000"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Referer": "http://evil.example/page"}, True),
        ({"Referer": "http://home.example:8000/docs"}, False),
        ({"Origin": "http://other.home.example"}, True),
        ({}, False),
    ],
)
def test_a_page_of_another_host_is_foreign_also_of_the_same_site(
    nobody: Ask, headers: dict[str, str], foreign: bool
) -> None:
    answer = nobody(headers, "/api/v1/me/data", "DELETE")
    assert answer.status_code == (403 if foreign else 200)


def test_names_may_be_listed(tmp_path: Path, redis: RedisServer) -> None:
    given = {"auth_mode": "api_key", "api_keys": f"ann:{KEY_ANN}", "allowed_hosts": "api.example.org"}
    with serving(tmp_path, redis, **given) as ask:
        assert ask({"Host": "API.example.org:443"}, "/health/live").status_code == 200
        assert ask({"Host": "127.0.0.1"}, "/health/live").status_code == 200
        refused(ask({"Host": "evil.example"}, "/health/live"), 403)


@pytest.mark.parametrize(
    "given",
    [{"allowed_hosts": "a b"}, {"public_url": "not an address"}, {"public_url": "http://[::1"}],
)
def test_a_name_that_is_none_stops_the_start(tmp_path: Path, redis: RedisServer, given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(given)).upper()):
        create_app(make_system(tmp_path, redis.url, **given))


@pytest.mark.parametrize("name", ["secret_key", "secret_key_old", "metrics_key"])
@pytest.mark.parametrize("value", ["short", "x" * 64, "abababababababababab"])
def test_a_secret_that_can_be_guessed_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name.upper()) as refused:
        Settings.load(_env_file=None, **{name: value})
    assert value not in str(refused.value)


def test_settings_that_let_nearly_anybody_in_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for networks, told in (("0.0.0.0/0", True), ("::/0", True), ("10.0.0.0/8,::1/128", False)):
        caplog.clear()
        make_authenticate(Settings.load(_env_file=None, auth_mode="header", trusted_proxies=networks))
        assert ("TRUSTED_PROXIES" in caplog.text) is told
    caplog.clear()
    make_authenticate(Settings.load(_env_file=None, auth_mode="api_key", api_keys=f"*:{KEY_ANN}"))
    assert "'*'" in caplog.text
    with pytest.raises(SettingsError, match="API_KEYS"):
        make_authenticate(Settings.load(_env_file=None, auth_mode="api_key", api_keys="bob:" + "x" * 32))


def test_probes_need_no_name(keys: Ask) -> None:
    assert keys(path="/health/live").json() == {"status": "ok"}
    assert keys(path="/health/ready").status_code == 200


def test_who_asks_is_known_before_the_body_is_read(keys: Ask, place: Installation) -> None:
    refused(keys(path="/api/v1/pipelines/demo/jobs", method="POST"))
    refused(keys(path="/api/v1/pipelines/nope/jobs", method="POST"))


# ── roles ──


def role_of(tmp_path: Path, headers: dict[str, str], **settings: Any) -> str:
    from starlette.requests import HTTPConnection

    given = {"data_dir": tmp_path, "operator_groups": "ops,root", "viewer_groups": "support", **settings}
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "headers": sent, "client": ("10.1.2.3", 5)}
    actor = make_authenticate(Settings.load(_env_file=None, **given))(HTTPConnection(scope))
    assert (actor.name, actor.origin) == ("ann", "api 10.1.2.3")
    return actor.role.value


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["staff", "ops"], "operator"),
        (["support"], "viewer"),
        (["support", "ops"], "operator"),
        ("support", "viewer"),
        (["staff"], "user"),
        ({"ops": True}, "user"),
        ([["ops"]], "user"),
        (None, "user"),
    ],
)
def test_a_tokens_groups_give_the_role(tmp_path: Path, groups: Any, role: str) -> None:
    secret = "a-secret-of-more-than-32-bytes-0123456789"
    token = jwt.encode({"sub": "ann", "exp": int(time.time()) + 60, "teams": groups}, secret, "HS256")
    given = {"auth_mode": "jwt", "jwt_secret": secret, "jwt_groups_claim": "teams"}
    assert role_of(tmp_path, {"Authorization": f"Bearer {token}"}, **given) == role


@pytest.mark.parametrize(
    ("groups", "role"), [("staff, ops", "operator"), ("support", "viewer"), ("", "user"), (None, "user")]
)
def test_a_gateways_groups_give_the_role(tmp_path: Path, groups: str | None, role: str) -> None:
    headers = {"X-User-ID": "ann", **({"X-Forwarded-Groups": groups} if groups is not None else {})}
    assert role_of(tmp_path, headers, auth_mode="header", trusted_proxies="10.1.2.0/24") == role


def test_without_groups_in_the_settings_everyone_is_a_user(tmp_path: Path) -> None:
    headers = {"X-User-ID": "ann", "X-Forwarded-Groups": "ops,operator,"}
    given = {"operator_groups": "", "viewer_groups": ""}
    assert role_of(tmp_path, headers, auth_mode="header", trusted_proxies="10.1.2.0/24", **given) == "user"


def test_a_group_has_one_role(tmp_path: Path) -> None:
    given = {"auth_mode": "header", "trusted_proxies": "10.1.2.0/24", "operator_groups": "a", "viewer_groups": "a,b"}
    with pytest.raises(SettingsError, match="'a' is in both"):
        make_authenticate(Settings.load(_env_file=None, data_dir=tmp_path, **given))


def test_without_authentication_a_named_user_is_no_operator(tmp_path: Path) -> None:
    from starlette.requests import HTTPConnection

    authenticate = make_authenticate(Settings.load(_env_file=None, data_dir=tmp_path))
    scope: dict[str, Any] = {"type": "http", "method": "GET", "headers": [], "client": ("127.0.0.1", 5)}
    assert authenticate(HTTPConnection(scope)).role == "operator"
    named = {**scope, "headers": [(b"x-user-id", b"ann")]}
    assert authenticate(HTTPConnection(named)).role == "user"
