"""What the doctor reads from: the parts of one process's system, without the wiring."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stagepass.declare.registry import Registry
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.limits import ProviderLimits
from stagepass.engine.model.ports import Bell
from stagepass.files.cloud import CloudFiles
from stagepass.files.local import LocalFiles
from stagepass.providers.registry import Providers, every_secret
from stagepass.reports.liveness import Liveness
from stagepass.settings import Settings
from stagepass.store import SqlStore


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts of an installation that are looked at.

    Attributes:
        limits, bell: made when they are first asked for, because a job's state rarely needs them.
        approval_url: the link of an approval, by run, name, token and seconds of validity.
    """

    settings: Settings
    registry: Registry
    store: SqlStore
    clock: Clock
    liveness: Liveness
    limits: Callable[[], ProviderLimits]
    bell: Callable[[], Bell]
    approval_url: Callable[[str, str, str, float], str]
    providers: Callable[[], Providers]
    redis_url: Callable[[], str]
    broker_url: Callable[[], str]
    files: Callable[[], LocalFiles | CloudFiles]
    environ: Callable[[], Mapping[str, str]]
    ticket: Callable[[str, str], str]
    """The ticket that opens a job's events, by job and owner."""

    def secret_names(self) -> set[str]:
        """Environment variables with secrets that some provider or the API may need."""
        return every_secret() | {"API_KEYS", "JWT_SECRET", "METRICS_KEY", "ALERT_WEBHOOK_URL"}
