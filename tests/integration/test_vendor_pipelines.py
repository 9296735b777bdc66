"""resume and scan, whole, through each text vendor's adapter against its server, many at once in threads."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stagepass.pipelines.resume.local import paths, questions
from stagepass.pipelines.resume.pipeline import resume
from stagepass.providers.ports import TextModel
from stagepass.testing import Lab
from tests.integration.test_vendor_promo import KEY, TEXT, address, providers
from tests.support.resume import ONE_LINE, profile_of
from tests.support.scan import scan_lab
from tests.support.vendors import words
from tests.support.vendors.server import Vendor

PAPER = {"major_category": "재활용폐기물", "middle_category": "종이", "minor_category": "책"}
SIGHT = {"objects": [{"classification": PAPER, "situation_tags": [], "confidence": 0.9}], "alternatives": []}
ANSWER = {"disposal_steps": ["묶어요."], "insufficiencies": [], "user_answer": "종이로 내놓아요."}


@pytest.fixture(params=sorted(TEXT))
def vendor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Vendor]:
    return request.param, well_read(request.param, monkeypatch)


def well_read(name: str, monkeypatch: pytest.MonkeyPatch) -> Vendor:
    """The vendor's server, with an answer to each question of resume and scan."""
    profile = profile_of(ONE_LINE)
    known = [SIGHT, ANSWER, *(made.compose(profile).model_dump(mode="json") for made in (questions, paths))]
    monkeypatch.setattr(words, "KNOWN", {frozenset(one): json.dumps(one) for one in known})
    return TEXT[name](key=KEY)


def test_fifty_resumes_and_scans_at_once_complete(vendor: tuple[str, Vendor], tmp_path: Path) -> None:
    name, server = vendor
    with server:
        stage = resume.stages["questions"]
        model = providers(tmp_path, {"TEXT_MODEL": f"{name}:m"}, **{name: server}).get(TextModel, stage)

        def resumed(number: int) -> str:
            with Lab(resume, {TextModel: model}) as lab:
                return str(lab.run({"resume_text": ONE_LINE}).state)

        settings = {f"{name.upper()}_API_KEY": KEY, f"{name.upper()}_BASE_URL": address(name, server)}

        def scanned(number: int) -> str:
            with scan_lab(TEXT_MODEL=f"{name}:m", **settings) as lab:
                return "completed" if lab.scan() else "empty"

        with ThreadPoolExecutor(50) as pool:
            jobs = [pool.submit(made, number) for number in range(25) for made in (resumed, scanned)]
            assert [job.result() for job in jobs] == ["completed"] * 50
        assert len(server.calls) == 25 * 4  # two questions each, and none was put twice
