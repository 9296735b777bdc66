"""The doctor on deployment files: a corpus of planted faults, each found, mended by its own fix, and then silent."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from stagepass.bootstrap import System
from stagepass.doctor.check import Report, examine
from stagepass.doctor.gather import for_manifests
from stagepass.doctor.manifests.read import read_manifests
from stagepass.doctor.rule import Finding
from stagepass.pipelines.discover import discover
from stagepass.settings import Settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE, SONG = "compose/compose.yaml", "kubernetes/base/worker-promo-song.yaml"
UNIT, PROGRAMS = "systemd/stagepass-worker-promo-song.service", "supervisor/supervisord.conf"
PROXY, PROCFILE = "nginx/stagepass.conf", "Procfile"

Edit = Callable[[str], str]


@dataclass(frozen=True)
class Fault:
    """A fault in one file.

    Attributes:
        mend: the file again, with the finding's fix carried out.
        folder: what is read; by default the file's own.
    """

    code: str
    file: str
    plant: Edit
    mend: Callable[[str, Finding], str]
    subject: str = ""
    beside: tuple[str, ...] = ()


def swap(old: str, new: str, *, count: int = 1) -> Edit:
    def edit(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, count)

    return edit


def within(section: str, old: str, new: str) -> Edit:
    """The same, behind the start of a section."""

    def edit(text: str) -> str:
        head, start, rest = text.partition(section)
        assert start, section
        assert old in rest, old
        return head + start + rest.replace(old, new, 1)

    return edit


def back(new: str, old: str) -> Callable[[str, Finding], str]:
    """Put the fix in the place of what was planted; the rest of the line stays."""

    def edit(text: str, finding: Finding) -> str:
        line = old.format(fix=finding.fix, value=finding.fix.partition("=")[2])
        assert new in text
        return text.replace(new, line, 1)

    return edit


def line_is_fix(text: str, finding: Finding) -> str:
    """Write the fix into the line that the finding names."""
    assert finding.where is not None
    lines = text.splitlines()
    old = lines[finding.where.line - 1]
    indent = old[: len(old) - len(old.lstrip())]
    lines[finding.where.line - 1] = indent + finding.fix
    return "\n".join(lines) + "\n"


def yaml_line(text: str, finding: Finding) -> str:
    """The same for ``NAME=value``, as YAML has it."""
    name, _, value = finding.fix.partition("=")
    return line_is_fix(
        text, Finding(finding.code, finding.severity, finding.subject, f"{name}: {value}", finding.where)
    )


SONG_SERVICE = "  worker-promo-song:\n"
RABBIT = "amqp://stagepass:${RABBITMQ_PASSWORD:?set it in .env}@rabbitmq//"

faults = [
    # queues
    Fault(
        "SP501",
        COMPOSE,
        within(SONG_SERVICE, "- promo.song\n", "- promo.lyric\n"),
        lambda text, f: within(SONG_SERVICE, "- promo.lyric\n", f"- promo.lyric\n      - {f.subject}\n")(text),
        "promo.song",
    ),
    Fault(
        "SP501",
        PROCFILE,
        swap("worker-promo-song: stagepass worker promo.song -c 2 --pool threads --name promo-song\n", ""),
        lambda text, f: text.replace("stagepass worker promo.lyric -c 4 --pool threads --name promo-lyric", f.fix),
        "promo.song",
    ),
    Fault(
        "SP501",
        PROGRAMS,
        swap("worker promo.video", "worker promo.song"),
        lambda text, f: (
            text + f"[program:more]\nautorestart=true\nstopwaitsecs=25\ncommand=stagepass worker {f.subject}\n"
        ),
        "promo.video",
    ),
    Fault(
        "SP501",
        SONG,
        swap("replicas: 1", "replicas: 0"),
        lambda text, f: text.replace("replicas: 0", "replicas: 1"),
        "promo.song",
        ("kubernetes/base",),
    ),
    Fault(
        "SP502",
        COMPOSE,
        within(SONG_SERVICE, "- promo.song\n", "- promo.songs\n"),
        back("- promo.songs\n", "- {fix}\n"),
        "promo.songs",
    ),
    Fault(
        "SP502",
        UNIT,
        swap("worker promo.song", "worker promo_song"),
        back("worker promo_song", "worker {fix}"),
        "promo_song",
        ("systemd",),
    ),
    Fault(
        "SP507",
        COMPOSE,
        swap("      - relay\n", "      - api\n"),
        lambda text, f: text.replace(
            "services:\n",
            "services:\n  again:\n    image: stagepass:latest\n    restart: always\n    command: [relay]\n    environment: {DATABASE_URL: 'postgresql://stagepass:${POSTGRES_PASSWORD:?set it in .env}@postgres/stagepass', REDIS_URL: 'redis://:${REDIS_PASSWORD:?set it in .env}@redis:6379/0', BROKER_URL: 'amqp://stagepass:${RABBITMQ_PASSWORD:?set it in .env}@rabbitmq//'}\n",
            1,
        ),
        "relay",
    ),
    Fault("SP507", PROCFILE, swap("relay: stagepass relay\n", ""), lambda text, f: text + f.fix + "\n", "relay"),
    # settings
    Fault(
        "SP503",
        COMPOSE,
        within(SONG_SERVICE, "      BROKER_URL:", "      STAGEPASS_BROKER_URL:"),
        lambda text, f: text.replace("STAGEPASS_BROKER_URL:", f.fix.partition("=")[0] + ":"),
        "STAGEPASS_BROKER_URL",
    ),
    Fault(
        "SP503",
        COMPOSE,
        within(SONG_SERVICE, "      LOG_FORMAT:", "      LOG_FORMATS:"),
        lambda text, f: text.replace("LOG_FORMATS:", f.fix.partition("=")[0] + ":"),
        "LOG_FORMATS",
    ),
    Fault(
        "SP503",
        SONG,
        swap("- name: PUBLIC_URL", "- name: PUBLIC_URI"),
        lambda text, f: text.replace("PUBLIC_URI", f.fix.partition("=")[0]),
        "PUBLIC_URI",
        ("kubernetes/base",),
    ),
    Fault(
        "SP503",
        UNIT,
        swap("DATA_DIR=", "APP_DATA_DIR="),
        lambda text, f: text.replace("APP_DATA_DIR", f.fix.partition("=")[0]),
        "APP_DATA_DIR",
        ("systemd",),
    ),
    Fault(
        "SP503",
        PROGRAMS,
        swap('SECRET_KEY="%', 'SECRETKEY="%'),
        lambda text, f: text.replace('SECRETKEY="', f.fix.partition("=")[0] + '="'),
        "SECRETKEY",
    ),
    Fault("SP504", COMPOSE, within(SONG_SERVICE, "LOG_FORMAT: json", "LOG_FORMAT: pretty"), yaml_line, "LOG_FORMAT"),
    Fault(
        "SP504",
        COMPOSE,
        within("  api:\n", "AUTH_MODE: api_key", "AUTH_MODE: apikey"),
        lambda text, f: text.replace("AUTH_MODE: apikey", "AUTH_MODE: api_key"),
        "AUTH_MODE",
    ),
    Fault(
        "SP504",
        UNIT,
        swap('"LOG_FORMAT=json"', '"EVENT_STREAMS=many"'),
        back('"EVENT_STREAMS=many"', '"{fix}"'),
        "EVENT_STREAMS",
        ("systemd",),
    ),
    Fault(
        "SP504",
        COMPOSE,
        within(SONG_SERVICE, "redis://:", "rediss+tls://:"),
        lambda text, f: text.replace("rediss+tls://:", "redis://:"),
        "REDIS_URL",
    ),
    Fault(
        "SP505",
        COMPOSE,
        within(SONG_SERVICE, "LOG_FORMAT: json", "LOG_FORMAT: json\n      SONG_MAKER: suno"),
        lambda text, f: text.replace(
            "SONG_MAKER: suno", "SONG_MAKER: suno\n      " + f.subject + ": ${" + f.subject + ":?}"
        ),
        "SUNO_API_KEY",
    ),
    Fault(
        "SP506",
        COMPOSE,
        within(SONG_SERVICE, "amqp://stagepass:", "amqp://celery:"),
        lambda text, f: text.replace("amqp://celery:", "amqp://stagepass:"),
        "BROKER_URL",
    ),
    Fault(
        "SP506",
        COMPOSE,
        within(SONG_SERVICE, "@postgres/stagepass", "@postgres/stage"),
        lambda text, f: text.replace("@postgres/stage\n", "@postgres/stagepass\n"),
        "DATABASE_URL",
    ),
    Fault(
        "SP506",
        COMPOSE,
        within(SONG_SERVICE, "@redis:6379/0", "@redis:6379/2"),
        lambda text, f: text.replace("@redis:6379/2", "@redis:6379/0"),
        "REDIS_URL",
    ),
    Fault(
        "SP506",
        COMPOSE,
        within("  relay:\n", "LOG_FORMAT: json", "LOG_FORMAT: json\n      EVENT_STREAMS: 8"),
        lambda text, f: text.replace("      EVENT_STREAMS: 8\n", ""),
        "EVENT_STREAMS",
    ),
    Fault(
        "SP506",
        SONG,
        swap("key: BROKER_URL", "key: REDIS_URL"),
        lambda text, f: text.replace(
            "name: BROKER_URL\n              valueFrom:\n                secretKeyRef:\n                  name: stagepass-secrets\n                  key: REDIS_URL",
            "name: BROKER_URL\n              valueFrom:\n                secretKeyRef:\n                  name: stagepass-secrets\n                  key: BROKER_URL",
        ),
        "BROKER_URL",
        ("kubernetes/base",),
    ),
    Fault(
        "SP508",
        COMPOSE,
        within(SONG_SERVICE, f"      BROKER_URL: {RABBIT}\n", ""),
        lambda text, f: within(SONG_SERVICE, "      SECRET_KEY:", f"      {f.subject}: {RABBIT}\n      SECRET_KEY:")(
            text
        ),
        "BROKER_URL",
    ),
    Fault(
        "SP508",
        COMPOSE,
        within(SONG_SERVICE, "      SECRET_KEY: ${SECRET_KEY:?set it in .env}\n", ""),
        lambda text, f: within(
            SONG_SERVICE,
            "      LOG_FORMAT: json\n",
            "      LOG_FORMAT: json\n      SECRET_KEY: ${SECRET_KEY:?set it in .env}\n",
        )(text),
        "SECRET_KEY",
    ),
    Fault(
        "SP521",
        COMPOSE,
        within(SONG_SERVICE, "LOG_FORMAT: json", "LOG_FORMAT: json\n      CELERY_RESULT_BACKEND: rpc://"),
        lambda text, f: text.replace("      CELERY_RESULT_BACKEND: rpc://\n", ""),
        "worker-promo-song",
    ),
    Fault(
        "SP523",
        COMPOSE,
        lambda text: text.replace("      SECRET_KEY: ${SECRET_KEY:?set it in .env}\n", ""),
        lambda text, f: text.replace(
            "      LOG_FORMAT: json\n", "      LOG_FORMAT: json\n      SECRET_KEY: ${SECRET_KEY:?set it in .env}\n"
        ),
        "SECRET_KEY",
    ),
    Fault(
        "SP525",
        COMPOSE,
        lambda text: text.replace("@postgres/stagepass", "@localhost/stagepass"),
        lambda text, f: text.replace("@localhost/stagepass", "@postgres/stagepass"),
        "DATABASE_URL",
    ),
    Fault(
        "SP525",
        COMPOSE,
        lambda text: text.replace("@rabbitmq//", "@rabbit//"),
        lambda text, f: text.replace("@rabbit//", "@rabbitmq//"),
        "BROKER_URL",
    ),
    Fault(
        "SP526",
        SONG,
        swap("key: SECRET_KEY", "key: SIGNING_KEY"),
        lambda text, f: text.replace("key: SIGNING_KEY", f.fix),
        "SECRET_KEY",
        ("kubernetes/base", "kubernetes/secret.example.yaml"),
    ),
    Fault(
        "SP527",
        COMPOSE,
        within(SONG_SERVICE, "    environment:\n", "    env_file: song.env\n    environment:\n"),
        lambda text, f: text.replace("    env_file: song.env\n", ""),
        "",
    ),
    Fault(
        "SP527",
        COMPOSE,
        swap("services:\n", "services: [\n"),
        lambda text, f: text.replace("services: [\n", "services:\n"),
        "",
    ),
    # running
    Fault(
        "SP510",
        COMPOSE,
        within(SONG_SERVICE, "stop_grace_period: 25s", "stop_grace_period: 10s"),
        lambda text, f: within(SONG_SERVICE, "stop_grace_period: 10s", f.fix)(text),
        "worker-promo-song",
    ),
    Fault(
        "SP510",
        SONG,
        swap("terminationGracePeriodSeconds: 25", "terminationGracePeriodSeconds: 5"),
        back("terminationGracePeriodSeconds: 5", "{fix}"),
        "stagepass-worker-promo-song",
        ("kubernetes/base",),
    ),
    Fault(
        "SP510",
        UNIT,
        swap("TimeoutStopSec=25", "TimeoutStopSec=10"),
        back("TimeoutStopSec=10", "{fix}"),
        "stagepass-worker-promo-song",
        ("systemd",),
    ),
    Fault(
        "SP510",
        PROGRAMS,
        within("[program:worker-promo-song]", "stopwaitsecs=25", "stopwaitsecs=3"),
        back("stopwaitsecs=3", "{fix}"),
        "worker-promo-song",
    ),
    Fault(
        "SP511",
        SONG,
        within(
            "livenessProbe",
            "- stagepass\n                - health",
            "- celery\n                - -A\n                - stagepass.worker\n                - inspect\n                - ping",
        ),
        lambda text, f: text.replace(
            "- celery\n                - -A\n                - stagepass.worker\n                - inspect\n                - ping",
            "- stagepass\n                - health",
        ),
        "stagepass-worker-promo-song",
        ("kubernetes/base",),
    ),
    Fault(
        "SP511",
        COMPOSE,
        within(
            SONG_SERVICE, "        - stagepass\n        - health", "        - celery\n        - inspect\n        - ping"
        ),
        lambda text, f: text.replace(
            "        - celery\n        - inspect\n        - ping", "        - stagepass\n        - health"
        ),
        "worker-promo-song",
    ),
    Fault(
        "SP517",
        COMPOSE,
        within(SONG_SERVICE, "- threads", "- prefork"),
        lambda text, f: within(SONG_SERVICE, "- prefork", "- threads")(text),
        "worker-promo-song",
    ),
    Fault(
        "SP517",
        UNIT,
        swap(
            "stagepass worker promo.song -c 2 --pool threads --name promo-song",
            "celery -A stagepass.worker worker -Q promo.song -P gevent",
        ),
        back("/opt/stagepass/bin/celery -A stagepass.worker worker -Q promo.song -P gevent", "{fix}"),
        "stagepass-worker-promo-song",
        ("systemd",),
    ),
    Fault(
        "SP519",
        COMPOSE,
        within(SONG_SERVICE, "image: stagepass:latest", "image: stagepass:1.0"),
        lambda text, f: text.replace("image: stagepass:1.0", f.fix),
        "worker-promo-song",
    ),
    Fault(
        "SP522",
        COMPOSE,
        within(SONG_SERVICE, "    volumes:\n      - files:/files\n", ""),
        lambda text, f: within(SONG_SERVICE, "    networks:\n", f"    volumes:\n      {f.fix}\n    networks:\n")(text),
        "worker-promo-song",
    ),
    Fault(
        "SP529",
        COMPOSE,
        swap("- noeviction", "- allkeys-lru"),
        lambda text, f: text.replace("- allkeys-lru", f"- {f.fix.split()[1]}"),
        "redis",
    ),
    Fault(
        "SP531",
        COMPOSE,
        within(SONG_SERVICE, "restart: unless-stopped", "restart: 'no'"),
        back("restart: 'no'", "{fix}"),
        "worker-promo-song",
    ),
    Fault(
        "SP531",
        UNIT,
        swap("Restart=always\n", ""),
        lambda text, f: text.replace("[Service]\n", f"[Service]\n{f.fix}\n"),
        "stagepass-worker-promo-song",
        ("systemd",),
    ),
    Fault(
        "SP531",
        PROGRAMS,
        within("[program:worker-promo-song]", "autorestart=true", "autorestart=false"),
        back("autorestart=false", "{fix}"),
        "worker-promo-song",
    ),
    # the proxy
    Fault(
        "SP512",
        PROXY,
        swap("proxy_buffering off;", ""),
        lambda text, f: text.replace("proxy_cache off;", f"proxy_cache off; {f.fix}"),
        "",
    ),
    Fault(
        "SP513",
        PROXY,
        swap("client_max_body_size 315703872;", "client_max_body_size 1m;"),
        lambda text, f: text.replace("client_max_body_size 1m;", f.fix),
        "/",
    ),
    Fault(
        "SP514",
        PROXY,
        swap("proxy_read_timeout 75s;", "proxy_read_timeout 5s;"),
        lambda text, f: text.replace("proxy_read_timeout 5s;", f.fix),
        "/",
    ),
    Fault(
        "SP515",
        PROXY,
        swap("server 127.0.0.1:8000", "server 127.0.0.1:8080"),
        lambda text, f: text.replace("127.0.0.1:8080", "127.0.0.1:8000"),
        "",
        ("nginx", "systemd"),
    ),
    # security
    Fault(
        "SP620",
        COMPOSE,
        within(SONG_SERVICE, "SECRET_KEY: ${SECRET_KEY:?set it in .env}", "SECRET_KEY: 8f3c2a9b7d1e4f60a5c8"),
        lambda text, f: text.replace("SECRET_KEY: 8f3c2a9b7d1e4f60a5c8", f.fix),
        "SECRET_KEY",
    ),
    Fault(
        "SP621",
        COMPOSE,
        within("  api:\n", "AUTH_MODE: api_key", "AUTH_MODE: none"),
        lambda text, f: text.replace("AUTH_MODE: none", f.fix.replace("=", ": ")),
        "api",
    ),
    Fault(
        "SP623",
        COMPOSE,
        within(SONG_SERVICE, "LOG_FORMAT: json", "LOG_FORMAT: json\n      REMOTE_CONTROL: 'true'"),
        yaml_line,
        "worker-promo-song",
    ),
    Fault(
        "SP625",
        COMPOSE,
        within("  redis:\n", "    networks:\n", "    ports:\n      - 6379:6379\n    networks:\n"),
        lambda text, f: text.replace("- 6379:6379", f"- {f.fix}"),
        "redis",
    ),
]

faults += [
    Fault(
        "SP516",
        COMPOSE,
        lambda text: re.sub(r"      DATABASE_URL: .*\n", "", text),
        lambda text, f: text.replace(
            "      LOG_FORMAT: json\n", f"      LOG_FORMAT: json\n      {f.fix.replace('=', ': ', 1)}\n"
        ),
        "DATABASE_URL",
    ),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> System:
    settings = Settings.load(_env_file=None, data_dir=tmp_path_factory.mktemp("data"))
    return System(settings, discover(()))


def examined(system: System, *paths: Path) -> Report:
    return examine(for_manifests(system.sources, 0, read_manifests(paths), reach=False), manifests=True)


def laid_out(fault: Fault, folder: Path) -> list[Path]:
    """The file, with what it is read beside."""
    shutil.copytree(DEPLOY, folder / "deploy")
    return [folder / "deploy" / name for name in fault.beside or (fault.file,)]


@pytest.mark.parametrize("fault", faults, ids=lambda fault: f"{fault.code}-{fault.file}-{fault.subject}")
def test_a_planted_fault(system: System, fault: Fault, tmp_path: Path) -> None:
    paths = laid_out(fault, tmp_path)
    file = tmp_path / "deploy" / fault.file
    assert examined(system, *paths).findings == []
    file.write_text(fault.plant(file.read_text()))
    report = examined(system, *paths)
    mine = [one for one in report.findings if one.code == fault.code]
    assert mine, [(one.code, one.subject) for one in report.findings]
    if fault.subject:
        assert fault.subject in {one.subject for one in mine}
    finding = next(one for one in mine if not fault.subject or one.subject == fault.subject)
    assert finding.where is not None
    file.write_text(fault.mend(file.read_text(), finding))
    left = examined(system, *paths).findings
    assert [one for one in left if one.code == fault.code] == [], left


def test_what_a_deploy_would_park(system: System) -> None:
    deployment = read_manifests([DEPLOY / COMPOSE])
    deployment.parks = [("promo", 7, 12)]
    facts = for_manifests(system.sources, 0, deployment, reach=False)
    (finding,) = examine(facts, manifests=True).findings
    assert (finding.code, finding.subject, finding.fix) == ("SP520", "promo v7", "stagepass worker promo")


def test_a_proxy_that_passes_on_an_identity(tmp_path: Path) -> None:
    settings = Settings.load(
        _env_file=None, data_dir=tmp_path, auth_mode="header", trusted_proxies="127.0.0.1/32", user_header="X-Who"
    )
    report = examined(System(settings, discover(())), DEPLOY / PROXY)
    assert {(one.code, one.fix) for one in report.findings} == {("SP622", 'proxy_set_header X-Who "";')}


HEALTHY = [
    ("compose",),
    ("kubernetes",),
    ("kubernetes/base",),
    ("systemd",),
    ("supervisor",),
    ("nginx",),
    ("Procfile",),
    ("env",),
    (".",),
    ("nginx", "systemd"),
    ("nginx", "supervisor"),
    ("compose/nginx.conf",),
    ("compose/compose.yaml",),
]


@pytest.mark.parametrize("names", HEALTHY, ids=lambda names: "+".join(names))
def test_the_generated_files_are_silent(system: System, names: tuple[str, ...]) -> None:
    report = examined(system, *(DEPLOY / name for name in names))
    assert report.findings == []
    assert report.unseen == {}


def test_two_faults_at_a_time(system: System, tmp_path: Path) -> None:
    """Each is found beside the other; the second hides nothing."""
    alone = [
        fault
        for fault in faults
        if fault.file == COMPOSE and fault.code in ("SP502", "SP506", "SP510", "SP519", "SP529", "SP620", "SP531")
    ]
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    file = tmp_path / "deploy" / COMPOSE
    healthy = file.read_text()
    for number, one in enumerate(alone):
        for other in alone[number + 1 :]:
            if one.code == other.code:
                continue
            file.write_text(other.plant(one.plant(healthy)))
            assert {one.code, other.code} <= {finding.code for finding in examined(system, file).findings}


NEAR = [
    (COMPOSE, within(SONG_SERVICE, "stop_grace_period: 25s", "stop_grace_period: 1m")),
    (COMPOSE, within(SONG_SERVICE, "LOG_FORMAT: json", "LOG_FORMAT: json\n      MY_OWN_SETTING: x")),
    (COMPOSE, within(SONG_SERVICE, "LOG_FORMAT: json", "LOG_FORMAT: text")),
    (
        COMPOSE,
        within(SONG_SERVICE, "LOG_FORMAT: json", "LOG_FORMAT: json\n      SENTRY_DSN: https://x@sentry.example.com/1"),
    ),
    (COMPOSE, within(SONG_SERVICE, "LOG_FORMAT: json", "LOG_FORMAT: json\n      OPENAI_API_KEY: ${OPENAI_API_KEY}")),
    (COMPOSE, within("  redis:\n", "    networks:\n", "    ports:\n      - 127.0.0.1:6379:6379\n    networks:\n")),
    (COMPOSE, within("  rabbitmq:\n", "image: rabbitmq:4-management", "image: rabbitmq:4.1-management")),
    (PROXY, swap("proxy_read_timeout 75s;", "proxy_read_timeout 2m;")),
    (PROXY, swap("client_max_body_size 315703872;", "client_max_body_size 0;")),
    (PROCFILE, lambda text: text + "flower: celery -A other flower\n"),
    (PROGRAMS, swap("stopwaitsecs=25", "stopwaitsecs=600")),
    (UNIT, swap("TimeoutStopSec=25", "TimeoutStopSec=5min")),
]


@pytest.mark.parametrize(("name", "edit"), NEAR)
def test_near_misses_are_silent(system: System, name: str, edit: Edit, tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    file = tmp_path / "deploy" / name
    file.write_text(edit(file.read_text()))
    beside = file.parent if name == UNIT else file
    assert examined(system, beside).findings == []
