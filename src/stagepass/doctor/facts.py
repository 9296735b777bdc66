"""The snapshot that the rules read: typed, gathered once. What could not be looked at says so when it is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from stagepass.declare.registry import Registry
from stagepass.doctor.manifests.model import Deployment
from stagepass.engine.model.controls import Pause
from stagepass.engine.model.limits import Breaker
from stagepass.engine.model.records import ScheduleRow, StageRun, WorkerRow
from stagepass.settings import Settings
from stagepass.store.processes import ProcessRow

T = TypeVar("T")

UNASKED = "it was not asked for"
"""Why a part is missing that this look leaves out, or that the installation need not have: no news."""


class NotSeen(Exception):
    """A part that a rule needs could not be looked at: nothing is known of it, and it is not taken for healthy."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name
        self.why = why


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a service could not be used.

    Attributes:
        kind: ``away``, ``login``, ``place`` (the database or virtual host is not there), ``rights``, ``wrong``.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The database. Fields that do not exist for its kind are None."""

    kind: str
    refused: Refusal | None = None
    revision: str | None = None
    head: str = ""
    writable: bool = True
    encoding: str | None = None
    connections: int | None = None
    most_connections: int | None = None
    clock_off: float = 0.0
    missing_indexes: tuple[tuple[str, str], ...] = ()
    """(name, the statement that creates it)."""
    collations: tuple[tuple[str, str], ...] = ()
    """(table, collation) where it is not the binary one."""
    free_bytes: int | None = None
    filesystem: str | None = None


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """A Redis server."""

    refused: Refusal | None = None
    role: str = "master"
    version: str = ""
    policy: str = "noeviction"
    memory: int = 0
    most_memory: int = 0
    clients: int = 0
    most_clients: int = 0
    save_failed: bool = False
    cluster: bool = False
    primary: str = ""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue in the broker. `consumers` is None where the broker does not tell."""

    name: str
    exists: bool
    depth: int = 0
    consumers: int | None = None
    mismatch: str = ""
    bound: bool | None = None


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """The broker, with the queues of the pipelines here."""

    kind: str
    refused: Refusal | None = None
    version: str = ""
    queues: tuple[QueueFacts, ...] = ()
    strangers: tuple[tuple[str, int], ...] = ()
    """(queue, messages) of our exchange or prefix that no pipeline here has."""
    exchange_mismatch: str = ""
    blocked: str = ""
    user: str = ""
    vhost: str = ""


@dataclass(frozen=True, slots=True)
class FilesFacts:
    """The file store. `problem` is empty if a probe could be written, read and deleted."""

    where: str
    local: bool
    problem: str = ""
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class WorkFacts:
    """Work that is not done, read from the database."""

    unfinished: Sequence[tuple[str, str, int]] = ()
    """(queue, state, how many)."""
    ready_since: Mapping[str, int] = field(default_factory=dict)
    """By queue: ready runs that wait for a while already, counted up to a bound."""
    overdue_since: int | None = None
    parked: Sequence[tuple[str, str, int]] = ()
    """(queue, pipeline, version) of parked runs, each once."""
    open_versions: Sequence[tuple[str, int, int]] = ()
    """(pipeline, version, how many) of jobs that are not over."""
    held: Sequence[StageRun] = ()
    undecided: Mapping[str, str] = field(default_factory=dict)
    """By held run: the call of unknown outcome."""
    keys_refused: Sequence[tuple[str, str]] = ()
    """(provider, queue) of dead letters of a rejected key."""
    running: Mapping[str, int] = field(default_factory=dict)
    leases: Sequence[tuple[str, int]] = ()
    """(worker, how many runs) of workers that hold runs and do not live."""
    stuck: Sequence[str] = ()
    """Open jobs in which nothing is open."""
    alerts_missed: int = 0


@dataclass(frozen=True, slots=True)
class EdgeFacts:
    """The way from outside. Each problem is empty if there is none, None if it could not be tried."""

    url: str
    answers: bool = False
    problem: str = ""
    ours: bool = True
    upload_refused_at: int | None = None
    event_late: bool | None = None
    certificate_days: float | None = None


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """The machine that the doctor runs on."""

    open_files: int
    memory: int | None
    folder_free: int | None
    folder: str


@dataclass(frozen=True, slots=True)
class EnvironmentFacts:
    """Names of the environment and lines of ``.env``; secrets are not in it, only whether they are set."""

    file: str = ""
    lines: Sequence[tuple[int, str, str]] = ()
    """(line, name, value) of ``.env``."""
    names: frozenset[str] = frozenset()
    """Names in the process's environment."""
    mode: int | None = None
    tracked: bool = False
    known: frozenset[str] = frozenset()
    """Every name that Stagepass or a provider reads."""
    problem: str = ""
    """Why the settings cannot be read."""
    conflicts: Sequence[str] = ()
    """Names whose value in ``.env`` is not the one of the environment."""


@dataclass(frozen=True)
class Facts:
    """One snapshot. A part that could not be looked at raises `NotSeen` when a rule asks for it."""

    at: int
    parts: Mapping[str, Any]
    """By name: the part's facts, or `NotSeen`."""

    def _part(self, name: str, kind: type[T]) -> T:
        part = self.parts.get(name)
        if part is None:
            raise NotSeen(name, UNASKED)
        if isinstance(part, NotSeen):
            raise part
        return cast(T, part)

    @property
    def settings(self) -> Settings:
        return self._part("settings", Settings)

    @property
    def registry(self) -> Registry:
        return self._part("pipelines", Registry)

    @property
    def environment(self) -> EnvironmentFacts:
        return self._part("environment", EnvironmentFacts)

    @property
    def database(self) -> DatabaseFacts:
        return self._part("database", DatabaseFacts)

    @property
    def redis(self) -> RedisFacts:
        return self._part("redis", RedisFacts)

    @property
    def broker(self) -> BrokerFacts:
        return self._part("broker", BrokerFacts)

    @property
    def files(self) -> FilesFacts:
        return self._part("files", FilesFacts)

    @property
    def work(self) -> WorkFacts:
        return self._part("work", WorkFacts)

    @property
    def workers(self) -> Sequence[WorkerRow]:
        """The live ones."""
        return self._part("workers", list)

    @property
    def processes(self) -> Sequence[ProcessRow]:
        """The live ones that say what they are."""
        return self._part("processes", list)

    @property
    def schedules(self) -> Sequence[ScheduleRow]:
        return self._part("schedules", list)

    @property
    def breakers(self) -> Sequence[Breaker]:
        return self._part("providers", list)

    @property
    def pauses(self) -> Sequence[Pause]:
        return self._part("pauses", list)

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        """(queue, problem) of stages whose provider cannot work with the settings here."""
        return self._part("needs", list)

    @property
    def secrets(self) -> Mapping[str, frozenset[str]]:
        """By queue: the secrets that its stage needs with the settings here."""
        return self._part("secrets", dict)

    @property
    def keys(self) -> Sequence[tuple[str, str, str]]:
        """(provider, setting, answer) of keys that a provider refused."""
        return self._part("keys", list)

    @property
    def edge(self) -> EdgeFacts:
        return self._part("edge", EdgeFacts)

    @property
    def machine(self) -> MachineFacts:
        return self._part("machine", MachineFacts)

    @property
    def deployment(self) -> Deployment:
        return self._part("manifests", Deployment)
