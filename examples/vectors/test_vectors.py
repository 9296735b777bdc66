"""vectors, run in this process with a database of its own."""

import pytest
from examples.vectors import pipeline

from stagepass.testing import Lab


def test_texts_of_many_jobs_are_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    ask = pipeline.model
    monkeypatch.setattr(pipeline, "model", lambda texts: calls.append(len(texts)) or ask(texts))
    with Lab(pipeline.vectors) as lab:
        jobs = [lab.submit({"text": f"room {n}"}) for n in range(60)]
        while lab.step():
            pass
        assert calls == [50]  # full, so it went at once; the other ten wait for company
        lab.clock.advance(5)
        while lab.step():
            pass
        assert calls == [50, 10]
        assert lab.result(jobs[0]) == {"numbers": [0.0, 0.0, 0.0, 0.333, 0.0]}


def test_a_text_that_is_refused_takes_no_other_with_it() -> None:
    with Lab(pipeline.vectors) as lab:
        jobs = [lab.submit({"text": text}) for text in ("sea", " ", "sun")]
        assert [lab.finish(job).state.value for job in jobs] == ["completed", "failed", "completed"]
