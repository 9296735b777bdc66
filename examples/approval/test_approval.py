"""approval, run in this process with a database of its own: the test is the editor."""

import pytest
from examples.approval.pipeline import approval

from stagepass.testing import Lab


@pytest.mark.parametrize(("approved", "state"), [(True, "completed"), (False, "cancelled")])
def test_it_waits_for_the_editor_s_word(approved: bool, state: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Lab(approval) as lab:
        job = lab.submit({"text": "We are open again.", "editor": "Mina"})
        while lab.step():
            pass
        link = capsys.readouterr().out.split()[-1]
        run, name, ask = link.rsplit("/", 3)[1:]
        lab.engine.answer(run, name=name, ask=ask, approved=approved, note="not yet")
        assert lab.finish(job).state == state
        if approved:
            assert lab.result(job) == {"text": "We are open again.", "by": "Mina"}
