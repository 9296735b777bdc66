"""What a clip is posted for, and what is done for its pictures: end card, safe areas, captions, light, crops, moves."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from stagepass.errors import Permanent
from stagepass.providers.local.clip import LocalClipMaker, art
from stagepass.providers.local.clip.captions import Caption
from stagepass.providers.local.clip.ending import ending
from stagepass.providers.local.clip.film import Film, Look
from stagepass.providers.local.clip.frames import Frame
from stagepass.providers.local.clip.light import lit
from stagepass.providers.local.clip.order import Card, Order
from stagepass.providers.local.clip.plan import make_plan
from stagepass.providers.local.clip.shots import shots_of
from stagepass.providers.local.clip.subject import placed
from stagepass.providers.local.clip.text import HEAVY, fit
from stagepass.providers.local.media import ffmpeg
from stagepass.providers.ports import ClipRequest, EndCard, LineTiming

LINK = "https://example.com/book?from=clip"
LONG = "국립공원 옆 아주아주 오래된 바다 전망 게스트하우스 앤 베이커리 카페 머뭄 군산 본점"
CARD = Card(
    contact=["063-123-4567", "군산시 해망로 12", "@meomum"],
    hours="매일 10:00–22:00",
    offer="첫 방문 10% 할인",
    call_to_action="지금 예약하세요",
    link=LINK,
)


def order(**more: object) -> Order:
    usual = {"title": "머뭄", "subtitle": "군산", "photos": 0, "duration": 20.0, "lines": [], "orientation": "vertical"}
    return Order.model_validate({**usual, "short_side": 540, "fps": 10, **more})


@pytest.mark.parametrize(
    ("orientation", "platform", "size"),
    [
        ("vertical", None, (540, 960)), ("horizontal", None, (960, 540)), ("vertical", "reels", (540, 960)),
        ("horizontal", "shorts", (540, 960)), ("vertical", "feed", (540, 676)), ("vertical", "square", (540, 540)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("title", ["머뭄", LONG])
def test_the_end_card_is_within_the_safe_area_and_a_reader_reads_its_code(
    tmp_path: Path, orientation: str, platform: str | None, size: tuple[int, int], title: str
) -> None:
    made = order(orientation=orientation, platform=platform)
    assert made.size == size
    Image.new("RGBA", (300, 200), (200, 30, 30, 255)).save(tmp_path / "logo", "PNG")
    frame = Frame.plain(size)
    ending(title, "군산", CARD.model_copy(update={"logo": True}), size, made.safe, tmp_path).paint(frame)
    luma = np.asarray(frame.y)
    bright = np.argwhere(luma > 120)
    (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0)
    assert top >= made.safe.top * size[1] - 2
    assert bottom <= (1 - made.safe.bottom) * size[1] + 2
    assert left >= made.safe.left * size[0] - 2
    assert right <= (1 - made.safe.right) * size[0] + 2
    (code,) = zxingcpp.read_barcodes(luma)
    assert code.text == LINK


def test_a_logo_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "logo").write_bytes(b"not a picture")
    with pytest.raises(Permanent, match="logo"):
        ending("머뭄", "", CARD.model_copy(update={"logo": True}), (540, 960), order().safe, tmp_path)


def test_a_long_name_has_three_lines_and_loses_no_word() -> None:
    fitted = fit(LONG, HEAVY, 132, 864, 55, most=3)
    assert len(fitted.lines) == 3
    assert " ".join(fitted.lines) == LONG


def test_the_first_line_comes_when_the_title_has_gone() -> None:
    film = Film(
        make_plan(20, [LineTiming("바람이 분다", 2.2, 4.0)], [False]),
        Look("머뭄", "군산", (270, 480), [Frame.plain((352, 624))]),
        10,
    )
    for time in np.arange(0, 5, 0.05):
        assert sum(opacity > 0.01 for _, opacity in film._writing(float(time))) <= 1


@pytest.mark.parametrize("style", ["shadow", "box", "words"])
def test_each_caption_style_shows_the_whole_line(style: str) -> None:
    caption = Caption(LineTiming("바다까지 걸어서 3분", 1.0, 4.0), (540, 960), style=style)  # type: ignore[arg-type]
    early, late = (list(caption.overlays(time)) for time in (1.3, 3.9))
    assert early[0][0] is late[0][0]
    assert len(late) == (2 if style == "words" else 1)
    widths = [overlay.box[2] - overlay.box[0] for _, overlay in caption._words]
    assert widths == sorted(widths)  # what was sung already is wider and wider
    assert len(widths) == (3 if style == "words" else 0)


def test_a_fact_is_not_shown_while_it_is_sung() -> None:
    plan = make_plan(20, [LineTiming("바다까지 3분", 4, 18)], [False] * 3)
    pictures, drift = [Frame.plain((352, 624))] * 3, art.Drift("머뭄", (270, 480))

    def shown(*facts: str) -> int:
        return len(Film(plan, Look("머뭄", "군산", (270, 480), pictures, drift, facts=facts), 10)._facts)

    assert shown("바다까지 3분") == 0
    assert shown("바다까지 3분", "노을이 보이는 옥상") == len([s for s in plan.scenes if s.kind == "photo"])


def test_a_dark_photo_is_lifted_a_black_one_left_out_and_a_night_kept() -> None:
    ramp = Image.linear_gradient("L").resize((300, 200)).convert("RGB")
    assert lit(ramp) == (ramp, False)
    dim, told = lit(ramp.point(lambda value: value // 8))
    assert told
    assert dim is not None
    grey = np.asarray(dim.convert("L"))
    assert np.median(grey) > 70
    assert np.percentile(grey, 1) < 30  # its blacks stay black
    assert lit(Image.new("RGB", (300, 200), (5, 5, 6))) == (None, False)
    night = Image.new("RGB", (300, 200), (10, 10, 20))
    night.paste((250, 220, 150), (0, 0, 300, 40))
    assert lit(night) == (night, False)


def test_crops_keep_what_draws_the_eye() -> None:
    photo = Image.new("RGB", (1600, 900), (90, 130, 90))
    ImageDraw.Draw(photo).ellipse((1250, 250, 1450, 500), fill=(224, 172, 140))  # a face, far to the right
    left, _ = placed(photo, 506, 900)
    assert left <= 1250
    assert left + 506 >= 1450
    assert 450 < placed(Image.new("RGB", (1600, 900)), 506, 900)[0] < 650  # nothing to see: the middle


def test_one_photo_is_seen_in_several_ways_and_a_panorama_from_end_to_end(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(60, 255, (900, 1350, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo-000", "PNG")
    made = shots_of(order(photos=1, short_side=270), tmp_path)
    assert [(shot.whole, shot.pan) for shot in made.shots] == [
        (True, False), (False, True), (False, False), (False, False), (False, False),
    ]  # fmt: skip
    Image.fromarray(noise[:300]).save(tmp_path / "photo-000", "PNG")
    assert shots_of(order(photos=1, short_side=270), tmp_path).shots[0].pan
    cameras = [scene.camera for scene in make_plan(20, [], [False], [True]).scenes if scene.kind == "photo"]
    assert [(camera.first.x, camera.last.x) for camera in cameras[:2]] == [(-0.94, 0.94), (0.94, -0.94)]


def test_a_clip_with_a_card_and_a_black_photo_is_rendered_and_says_so(tmp_path: Path) -> None:
    song, black = tmp_path / "song.mp3", tmp_path / "black.png"
    tone = "sine=f=330:d=4"
    subprocess.run([ffmpeg(), "-v", "error", "-f", "lavfi", "-i", tone, str(song)], check=True)
    Image.new("RGB", (400, 300)).save(black)
    maker = LocalClipMaker(tmp_path / "tasks", short_side=180, fps=5)
    request = ClipRequest(
        "머뭄", "군산", [black], song, 4.0, [], platform="square", caption_style="box", facts=["노을"],
        card=EndCard("063-123-4567", link=LINK),
    )  # fmt: skip
    made = maker.look(maker.submit(request))
    assert made is not None
    assert (made.width, made.height) == (180, 180)
    assert made.notes == [("skipped", 1)]
