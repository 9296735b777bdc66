"""The only wiring: which store, broker, bus, files and providers this process uses."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

import stagepass.providers.builtin  # noqa: F401  (registers the ports)
from stagepass import forking
from stagepass.alerts.alerts import Alerts
from stagepass.bus.connect import async_client, sync_client
from stagepass.bus.listen import Feed
from stagepass.bus.provider_limits import RedisProviderLimits
from stagepass.bus.publish import Mirror, RedisBus
from stagepass.declare.registry import Registry
from stagepass.declare.values import File
from stagepass.doctor.sources import Sources
from stagepass.embedded.redis import EmbeddedRedis
from stagepass.engine.engine import Engine
from stagepass.engine.execute.event_loop import EventLoop
from stagepass.engine.execute.fastlane import FastLane
from stagepass.engine.execute.runner import Runner
from stagepass.engine.execute.services import Services
from stagepass.engine.maintain.bulk import BulkOperations
from stagepass.engine.maintain.closed_providers import ClosedProviders
from stagepass.engine.maintain.controls import OperatorControls
from stagepass.engine.maintain.pruner import Pruner
from stagepass.engine.maintain.relay import Relay
from stagepass.engine.maintain.scheduler import Scheduler
from stagepass.engine.model.clock import Clock, StoreClock
from stagepass.errors import SettingsError
from stagepass.files.cloud import CloudFiles
from stagepass.files.links import Links
from stagepass.files.local import LocalFiles
from stagepass.logs import configure_logging
from stagepass.pipelines.discover import discover
from stagepass.pipelines.views import views
from stagepass.providers.fetching.addresses import Target
from stagepass.providers.fetching.post import check_webhook
from stagepass.providers.registry import Providers, parse_limits
from stagepass.queue.app import beside, make_app
from stagepass.queue.bell import CeleryBell
from stagepass.reports.liveness import Liveness
from stagepass.settings import Settings
from stagepass.store import SqlStore, connect, migrate

CALLBACK_LIFE = 14 * 86400
"""Seconds for which a callback's URL is good."""

FILE_LIFE = 86400
"""Seconds for which a provider can fetch a file that it was given by address."""

LOOK_LIFE = 3600
"""Seconds for which an operator can look at a file in the cloud by address."""

APPROVAL_SHOWN = 30 * 86400
"""Seconds for which an approval's page still tells what became of it, after its deadline."""


@forking.renews_properties
@dataclass
class System:
    """One process's parts, each made when it is first used."""

    settings: Settings
    registry: Registry
    make_clock: Callable[[Callable[[], int | None]], Clock] = StoreClock
    """Makes the clock of this process, given what asks the database for its time."""

    @cached_property
    def redis_url(self) -> str:
        return self.settings.redis_url or EmbeddedRedis(self.settings.folder).urls().bus

    @cached_property
    def broker_url(self) -> str:
        """URL of the broker; without its own setting, the same server as Redis, database 1."""
        if self.settings.broker_url:
            return self.settings.broker_url
        if self.settings.redis_url:
            return beside(self.settings.redis_url)
        return EmbeddedRedis(self.settings.folder).urls().broker

    @property
    def patience(self) -> connect.Patience:
        """How long this process waits for the database."""
        settings = self.settings
        return connect.Patience(
            connect=settings.database_connect_seconds,
            lock=settings.database_lock_seconds,
            statement=settings.database_statement_seconds,
            idle=settings.database_idle_seconds,
        )

    @cached_property
    def store(self) -> SqlStore:
        return SqlStore(self.settings.database, patience=self.patience)

    @cached_property
    def bell(self) -> CeleryBell:
        app = make_app(self.broker_url, self.registry.queues(), queue_type=self.settings.queue_type)
        return CeleryBell(app)

    @cached_property
    def bus(self) -> RedisBus:
        def mirror(client: Any, events: Any) -> None:  # the copy needs the engine, which needs the bus
            self._legacy_streams(client, events)

        copied = mirror if self.settings.scan_legacy_streams else None
        return RedisBus(sync_client(self.redis_url), streams=self.settings.event_streams, mirror=copied)

    @cached_property
    def _legacy_streams(self) -> Mirror:
        from stagepass.pipelines.scan.legacy import LegacyStreams  # only for those who ask for it

        return LegacyStreams(self.engine)

    @cached_property
    def engine(self) -> Engine:
        return Engine(
            self.store,
            self.registry,
            self.bell,
            self.bus,
            max_input=self.settings.max_input_bytes,
            make_lane=self._make_lane,
            clock=self.make_clock(self.store.now),
        )

    @cached_property
    def files(self) -> LocalFiles | CloudFiles:
        if self.settings.files_url:
            return CloudFiles(self.settings.files_url, self.environ)
        return LocalFiles(self.settings.files_folder)

    @cached_property
    def links(self) -> Links:
        return Links(self.settings.secrets, base_url=f"{self.settings.public_url.rstrip('/')}/api/v1/files/")

    @cached_property
    def environ(self) -> dict[str, str]:
        """The environment, for settings with vendors' own names."""
        return {**{k: v or "" for k, v in dotenv_values(".env").items()}, **os.environ}

    @cached_property
    def providers(self) -> Providers:
        return self._providers(self.settings.folder)

    def _providers(self, folder: Path) -> Providers:
        environ = dict(self.environ)
        for name in ("text_model", "song_maker", "voice_dir", "clip_maker", "scan_models", "scan_unsure_below"):
            environ.setdefault(name.upper(), str(getattr(self.settings, name)))
        return Providers(environ, folder / "providers")

    @cached_property
    def services(self) -> Services:
        return Services(
            self.store,
            self.engine.committer,
            self.bus,
            self.files,
            self.provider_limits,
            clock=self.engine.clock,
            callback_url=self._callback_url if self.settings.public_url else None,
            approval_url=self._approval_url,
            file_url=self._file_url if self.settings.public_url or self.settings.files_url else None,
            limits=parse_limits(self.settings.provider_limits),
            retry_after_at_most=self.settings.retry_after_at_most_seconds,
        )

    @cached_property
    def bulk(self) -> BulkOperations:
        """Acts on many jobs at once."""
        return BulkOperations(self.store, self.engine.committer, self.registry, self.engine.clock)

    @cached_property
    def controls(self) -> OperatorControls:
        """Pauses, limits and closed providers, as operators set them."""
        engine = self.engine
        return OperatorControls(self.store, engine.committer, self.registry, engine.bell, self.provider_limits)

    @cached_property
    def provider_limits(self) -> RedisProviderLimits:
        return RedisProviderLimits(sync_client(self.redis_url))

    def _callback_url(self, run_id: str, job_id: str) -> str:
        token = self.links.sign("callback", {"run": run_id, "job": job_id}, CALLBACK_LIFE)
        return f"{self.settings.public_url.rstrip('/')}/api/v1/callbacks/{token}"

    def _file_url(self, file: File) -> str:
        if isinstance(self.files, CloudFiles):
            return self.files.url(file, FILE_LIFE)
        return self.links.make(file, FILE_LIFE)

    def place_of(self, file: File) -> dict[str, str]:
        """Location of a file for an operator: its `path` on this machine, or a `url` valid for one hour."""
        if isinstance(self.files, CloudFiles):
            return {"url": self.files.url(file, LOOK_LIFE)}
        return {"path": str(self.files.path(file))}

    def _approval_url(self, run_id: str, name: str, ask: str, life: float) -> str:
        """The path only if there is no public URL: the recipient has to know the address of the API."""
        token = self.links.sign("approval", {"run": run_id, "name": name, "ask": ask}, life + APPROVAL_SHOWN)
        return f"{self.settings.public_url.rstrip('/')}/api/v1/approvals/{token}"

    def _make_lane(self) -> FastLane | None:
        if self.settings.fast_lane_slots == 0:
            return None
        loop = EventLoop()
        runner = Runner(self.registry, self.services, self.providers, loop)
        slots = self.settings.fast_lane_slots
        return FastLane(self.store, self.engine.committer, runner, loop, slots, clock=self.engine.clock)

    def feed(self) -> Feed:
        """The news, for a process that serves clients."""
        return Feed(async_client(self.redis_url), self.store, streams=self.settings.event_streams)

    @cached_property
    def scheduler(self) -> Scheduler:
        return Scheduler(self.store, self.registry, self.engine.submit, self.engine.clock)

    def relay(self) -> Relay:
        """The relay's loop, with pruning, closed providers and alerts. Raises `SettingsError`."""
        pruner = Pruner(
            self.store,
            self.registry,
            self.files,
            self.engine.clock,
            keep_events_days=self.settings.keep_events_days,
            keep_jobs_days=self.settings.keep_jobs_days,
        )
        closed = ClosedProviders(self.store, self.engine.committer, self.provider_limits, self.engine.clock)
        alerts = self.alerts

        def watch() -> None:
            self.controls.copy()
            closed.look()
            if alerts:
                alerts.look()

        return Relay(
            self.store,
            self.engine.committer,
            self.bell,
            self.engine.clock,
            dead_after=self.settings.dead_after_seconds,
            prune=pruner.run,
            watch=watch,
            fire=self.scheduler.fire,
            carry_out=self.bulk.look,
        )

    @cached_property
    def liveness(self) -> Liveness:
        """The live workers."""
        return Liveness(self.settings.dead_after_seconds)

    @cached_property
    def sources(self) -> Sources:
        """What the doctor reads from."""
        return Sources(
            self.settings,
            self.registry,
            self.store,
            self.engine.clock,
            self.liveness,
            limits=lambda: self.provider_limits,
            bell=lambda: self.bell,
            approval_url=self._approval_url,
            providers=lambda: self._providers(self.settings.data_dir),  # a look does not make the folder
            redis_url=lambda: self.redis_url,
            broker_url=lambda: self.broker_url,
            files=lambda: self.files,
            environ=lambda: self.environ,
            ticket=lambda job, owner: self.links.sign("watch", {"job": job, "owner": owner}, 60),
        )

    @cached_property
    def alerts(self) -> Alerts | None:
        """Sends alerts to a webhook, if one is set. Raises `SettingsError`."""
        target = self.alert_target()
        if target is None:
            return None
        return Alerts(
            self.store,
            self.provider_limits,
            self.engine.clock,
            target,
            window=self.settings.alert_window_seconds,
            liveness=self.liveness,
            language=self.settings.alert_language,
            allow_loopback=self.settings.alert_allow_loopback,
        )

    def alert_target(self) -> Target | None:
        """The webhook for alerts, if one is set. Raises `SettingsError`."""
        url, loopback = self.settings.alert_webhook_url.get_secret_value(), self.settings.alert_allow_loopback
        return check_webhook(url, "ALERT_WEBHOOK_URL", allow_loopback=loopback) if url else None

    def check_needs(self, queues: tuple[str, ...]) -> None:
        """Raises `SettingsError` when a stage of these queues lacks what it needs."""
        stages = [stage for stage in self.registry.stages() if stage.queue in queues]
        problems = [problem for stage in stages for problem in self.providers.check(stage)]
        if problems:
            raise SettingsError("; ".join(problems))

    def prepare_database(self) -> None:
        """Bring the schema to what this version needs, with the views of the pipelines."""
        url = self.settings.database
        if not migrate.is_current(url):
            migrate.upgrade(url)
        migrate.make_views(url, views(self.registry, connect.parse(url).get_backend_name()))

    def configure_logging(self) -> None:
        configure_logging(self.settings.log_level, self.settings.log_format)

    def close(self) -> None:
        """Finish what is under way, and let go of what was made."""
        if (alerts := self.__dict__.get("alerts")) is not None:
            alerts.close()  # the message that is under way notes its end in the store
        if "engine" in self.__dict__:
            self.engine.close(lane_grace=self.settings.drain_seconds)


def keep_private() -> None:
    """Make new files private to this user. Only in our own processes: a host application keeps its umask."""
    os.umask(0o077)


_system: System | None = None


def load_system(settings: Settings | None = None, *, fresh: bool = False) -> System:
    """This process's system; `fresh` makes new connections, as after a fork."""
    global _system
    if _system is None or fresh or settings is not None:
        settings = settings or (_system.settings if _system else Settings.load())
        registry = _system.registry if _system and fresh else discover(settings.pipelines, settings.time_limits)
        _system = System(settings, registry)
    return _system
