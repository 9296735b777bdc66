"""One name for a queue, a stage, a task, a metric's label and a row."""

from pathlib import Path

from stagepass.bootstrap import System
from stagepass.pipelines.discover import discover
from stagepass.queue.app import make_app
from stagepass.queue.bell import CeleryBell
from stagepass.settings import Settings
from stagepass.store import migrate
from stagepass.store.tables import stage_runs

REGISTRY = discover()


def test_a_queue_has_the_name_of_its_stage() -> None:
    for stage in REGISTRY.stages():
        assert stage.queue == f"{stage.pipeline}.{stage.name}"
    assert {stage.queue for stage in REGISTRY.stages()} <= set(REGISTRY.queues())
    assert "queue" in stage_runs.c


def test_a_bell_is_a_task_of_that_name_in_that_queue() -> None:
    queues = REGISTRY.queues()
    app = make_app("memory://", queues)
    assert [(queue.name, queue.routing_key) for queue in app.conf.task_queues] == [(name, name) for name in queues]
    bell = CeleryBell(app)
    bell.ring("promo.lyric", "j", "j.lyric")
    with app.connection_for_read() as connection:
        waiting = connection.SimpleQueue(app.conf.task_queues[queues.index("promo.lyric")])
        message = waiting.get(timeout=10)
    bell.close()
    assert message.headers["task"] == message.delivery_info["routing_key"] == "promo.lyric"


def test_a_row_and_a_label_have_that_name(tmp_path: Path) -> None:
    settings = Settings.load(data_dir=tmp_path)
    migrate.upgrade(settings.database)
    system = System(settings, REGISTRY)
    try:
        job = system.engine.submit("chain", {"a": 1, "b": 2}).job
        (run,) = [run for run in system.store.runs_of(job.id) if run.state.value == "ready"]
        assert run.queue == f"chain.{run.stage}"
        assert {queue for queue, _, _ in system.store.unfinished()} <= set(REGISTRY.queues())
        assert run.queue in {queue for queue, _, _ in system.store.unfinished()}
    finally:
        system.close()
