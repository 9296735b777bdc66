"""What the relay forgets, and when."""

from pydantic import BaseModel

from stagepass import Pipeline
from stagepass.engine.maintain.pruner import Pruner
from stagepass.pipelines.scan.pipeline import scan, users
from stagepass.testing import Lab

DAY = 86_400.0


class Word(BaseModel):
    text: str


def shop(name: str, **options: object) -> Pipeline:
    """A pipeline of one stage."""
    made = Pipeline(name, input=Word, **options)  # type: ignore[arg-type]

    @made.stage()
    def say(request: Word) -> str:
        return request.text

    return made


def test_each_pipeline_s_events_are_kept_as_long_as_it_says_or_else_as_the_settings_say() -> None:
    with Lab([shop("shortly", keep_events="24h"), shop("usual")]) as lab:
        pruner = Pruner(lab.store, lab.registry, lab.files, lab.clock, keep_events_days=7, keep_jobs_days=0)
        jobs = {name: lab.run({"text": "hello"}, pipeline=name) for name in ("shortly", "usual")}

        def left() -> dict[str, bool]:
            return {name: bool(lab.store.events(job.id)) for name, job in jobs.items()}

        lab.clock.advance(DAY - 60)
        pruner.run()
        assert left() == {"shortly": True, "usual": True}
        lab.clock.advance(120)
        pruner.run()
        assert left() == {"shortly": False, "usual": True}
        lab.clock.advance(6 * DAY)
        pruner.run()
        assert left() == {"shortly": False, "usual": False}
        assert {name: lab.result(job) for name, job in jobs.items()} == {"shortly": "hello", "usual": "hello"}


def test_what_people_own_outlives_other_jobs() -> None:
    with Lab([shop("record", keep_jobs=True), shop("usual")]) as lab:
        pruner = Pruner(lab.store, lab.registry, lab.files, lab.clock, keep_events_days=7, keep_jobs_days=30)
        kept, gone = (lab.run({"text": "hello"}, pipeline=name).id for name in ("record", "usual"))
        lab.clock.advance(31 * DAY)
        pruner.run()
        assert lab.store.job(kept) is not None
        assert lab.store.job(gone) is None
    assert users.keep_jobs


def test_a_scan_s_events_are_kept_for_a_day() -> None:
    assert scan.keep_events == DAY
