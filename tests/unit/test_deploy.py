"""The deployment files: made from the declarations, the same each time, each role with its own and nothing more."""

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from stagepass import Context, Pipeline
from stagepass.declare.registry import Registry
from stagepass.deploy import description, roles, tree
from stagepass.deploy.reads import settings_of, unassigned
from stagepass.errors import NotFound, SettingsError
from stagepass.pipelines.discover import discover

EVERY = list(tree.FORMATS)


class Nothing(BaseModel):
    pass


def made(registry: Registry, *given: str) -> dict[str, str]:
    return tree.contents(roles.installation(registry, description.load(None, given)), EVERY)


@pytest.fixture(scope="module")
def shipped() -> Registry:
    return discover((), "")


def pipeline(*stages: str) -> Registry:
    """A chain of I/O stages with these names, each with a worker group of its own."""
    work = Pipeline("work", input=Nothing)
    before = None
    for name in stages:

        def body(ctx: Context) -> int:
            return 1

        body.__name__ = name
        before = work.stage(after=[before] if before else [], concurrency=2)(body)
    registry = Registry()
    registry.add(work)
    return registry


def test_the_same_description_gives_the_same_bytes(shipped: Registry) -> None:
    assert made(shipped) == made(shipped)


def test_the_checked_in_files_match_the_shipped_pipelines(shipped: Registry) -> None:
    folder = Path("deploy")
    wanted = tree.contents(roles.installation(shipped, description.load(folder / "deploy.toml")), EVERY)
    assert tree.compare(folder, wanted, EVERY) == []


def test_a_new_stage_changes_nothing_but_its_own_lines() -> None:
    before, after = made(pipeline("one", "two")), made(pipeline("one", "two", "three"))
    for path, text in before.items():
        lost = set(text.splitlines()) - set(after[path].splitlines())
        assert all(_lists_the_roles(line) for line in lost), f"{path}: {lost}"
    for path, text in after.items():
        gained = set(text.splitlines()) - set(before.get(path, "").splitlines())
        if path in before:
            assert all("three" in line or _lists_the_roles(line) for line in gained - _plain(before)), path
        else:
            assert "three" in path


def _lists_the_roles(line: str) -> bool:
    return line.startswith(("Wants=stagepass-api", "programs="))


def _plain(files: dict[str, str]) -> set[str]:
    """Lines that other roles have as well."""
    return {line for text in files.values() for line in text.splitlines()}


def test_check_tells_what_is_missing_changed_and_left_over(tmp_path: Path) -> None:
    before, after = made(pipeline("one", "two")), made(pipeline("one"))
    tree.write(tmp_path, before, EVERY)
    own = tmp_path / "kubernetes" / "base" / "own.yaml"
    own.write_text("# a file of somebody's own\n")
    (tmp_path / "Procfile").unlink()
    found = {change.path: change.kind for change in tree.compare(tmp_path, after, EVERY)}
    assert found["Procfile"] == "missing"
    assert found["kubernetes/base/worker-work-two.yaml"] == "left over"
    assert found["compose/compose.yaml"] == "changed"
    tree.write(tmp_path, after, EVERY)
    assert tree.compare(tmp_path, after, EVERY) == []
    assert own.exists()
    assert not (tmp_path / "kubernetes" / "base" / "worker-work-two.yaml").exists()


def test_a_format_leaves_the_files_of_the_others_alone(tmp_path: Path) -> None:
    registry = pipeline("one")
    tree.write(tmp_path, made(registry), EVERY)
    installation = roles.installation(registry, description.load(None))
    assert tree.write(tmp_path, tree.contents(installation, ["nginx"]), ["nginx"]) == []
    assert (tmp_path / "Procfile").exists()


def test_every_setting_has_its_readers() -> None:
    assert unassigned() == []
    assert "API_KEYS" not in set(settings_of("worker")) | set(settings_of("relay")) | set(settings_of("migrate"))


def test_each_role_is_given_only_its_own_secrets(shipped: Registry) -> None:
    given = ["settings.SONG_MAKER=suno:V5", "settings.PROMO_LYRIC_TEXT_MODEL=openai:gpt-5"]
    services = yaml.safe_load(made(shipped, *given)["compose/compose.yaml"])["services"]
    holders = {
        secret: {name for name, service in services.items() if secret in service.get("environment", {})}
        for secret in ("SUNO_API_KEY", "OPENAI_API_KEY", "API_KEYS", "SECRET_KEY")
    }
    assert holders["SUNO_API_KEY"] == {"worker-promo-song"}
    assert holders["OPENAI_API_KEY"] == {"worker-promo-lyric"}
    assert holders["API_KEYS"] == {"api"}
    assert holders["SECRET_KEY"] == {name for name in services if name == "api" or name.startswith("worker-")}


def test_an_api_that_runs_jobs_is_given_the_providers_keys(shipped: Registry) -> None:
    given = ["settings.SONG_MAKER=suno:V5", "fast_lane=true"]
    api = yaml.safe_load(made(shipped, *given)["compose/compose.yaml"])["services"]["api"]
    assert "SUNO_API_KEY" in api["environment"]
    assert api["environment"]["FAST_LANE_SLOTS"] == "8"


def test_a_worker_may_stop_as_long_as_it_drains(shipped: Registry) -> None:
    files = made(shipped, "settings.DRAIN_SECONDS=120")
    assert "TimeoutStopSec=125" in files["systemd/stagepass-worker-promo-song.service"]
    worker = yaml.safe_load_all(files["kubernetes/base/worker-promo-song.yaml"])
    assert next(worker)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 125
    assert yaml.safe_load(files["compose/compose.yaml"])["services"]["worker-promo-song"]["stop_grace_period"] == "125s"
    assert "stopwaitsecs=125" in files["supervisor/supervisord.conf"]


def test_autoscaling_counts_what_runs_as_well(shipped: Registry) -> None:
    objects = yaml.safe_load_all(made(shipped)["kubernetes/components/keda/scaledobjects.yaml"])
    song = next(one for one in objects if one["metadata"]["name"] == "stagepass-worker-promo-song")
    trigger = song["spec"]["triggers"][0]["metadata"]
    assert 'state=~"ready|running"' in trigger["query"]
    assert trigger["query"].startswith("sum(max by (queue, state)"), "each API replica exports the same numbers"
    assert trigger["threshold"] == "2"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("replica.api=2", "there is no replica; did you mean: replicas"),
        ("replicas.promo.sing=2", "there is no role 'promo.sing'; there are: api, "),
        ("replicas.api=many", "replicas.api: "),
        ("replicas.api=-1", "replicas.api: "),
        ("host=http://x", "host: "),
        ("image=a b", "image: "),
        ("database=oracle", "database: "),
        ("settings.SECRET_KEY=abc", "SECRET_KEY is a secret"),
        ("settings.DATABASE_URL=postgresql://x", "DATABASE_URL is a secret"),
        ("settings.DRAIN_SECS=3", "did you mean DRAIN_SECONDS?"),
        ("settings.text_model=x", "write the name as in the environment"),
        ("settings.TEXT_MODEL=a\nb", "one line"),
        ("settings.TEXT_MODEL=nobody:x", "there is no such provider"),
        ("settings.TEXT_MODEL=openai", "names no model"),
        ("sizes.api.cpu=lots", "sizes.api.cpu: "),
        ("workers=promo.lyric=x", "WORKERS: "),
        ("noequals", "write it as name=value"),
    ],
)
def test_a_wrong_description_is_a_sentence_that_names_the_field(shipped: Registry, given: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        made(shipped, given)
    assert said in str(refused.value)


def test_an_unknown_queue_in_workers_is_told_with_those_that_there_are(shipped: Registry) -> None:
    with pytest.raises(NotFound, match=r"there is no queue 'promo\.sing'; available: .*promo\.song"):
        made(shipped, "workers=promo.sing=2")


def test_values_with_signs_of_their_own_stay_what_they_are(shipped: Registry) -> None:
    files = made(shipped, 'settings.SCAN_MODELS=fast=openai:a"b%c$d', "settings.SCAN_UNSURE_BELOW=0.7")
    service = yaml.safe_load(files["compose/compose.yaml"])["services"]["worker-scan-vision"]
    assert service["environment"]["SCAN_MODELS"] == 'fast=openai:a"b%c$$d', "compose reads $$ as $"
    unit = files["systemd/stagepass-worker-scan-vision.service"]
    assert 'Environment="SCAN_MODELS=fast=openai:a\\"b%%c$d"' in unit
    assert "SCAN_MODELS='fast=openai:a\"b%%c$d'" in files["supervisor/supervisord.conf"]
