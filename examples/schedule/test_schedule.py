"""schedule, with a clock that is moved by hand."""

from datetime import datetime
from zoneinfo import ZoneInfo

from examples.schedule.pipeline import morning

from stagepass.engine.maintain.scheduler import Scheduler
from stagepass.testing import Lab


def test_it_is_submitted_on_weekday_mornings() -> None:
    friday = datetime(2026, 11, 6, 8, 59, tzinfo=ZoneInfo("Asia/Seoul"))
    with Lab(morning) as lab:
        lab.clock.jump(friday.timestamp() - lab.clock.now() / 1000)
        scheduler = Scheduler(lab.store, lab.registry, lab.engine.submit, lab.clock)
        assert scheduler.fire() == []
        lab.clock.advance(60)
        (job,) = scheduler.fire()
        assert lab.result(lab.finish(lab.job(job))) == "Good morning, kitchen"
        lab.clock.advance(2 * 86400)  # Sunday
        assert scheduler.fire() == []
