"""The local clip maker: its timeline, its pictures and words, and what really comes out as a file."""

import fcntl
import io
import math
import os
import re
import select
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from stagepass.errors import Permanent, TimedOut, Transient
from stagepass.providers.local.clip import LocalClipMaker
from stagepass.providers.local.clip.captions import Caption
from stagepass.providers.local.clip.cards import end_card, title_card
from stagepass.providers.local.clip.encode import gain_for
from stagepass.providers.local.clip.fonts import SHAPES, has
from stagepass.providers.local.clip.frames import Frame
from stagepass.providers.local.clip.lettering import Lettering
from stagepass.providers.local.clip.photos import open_photo, prepare
from stagepass.providers.local.clip.plan import FADE, View, make_plan
from stagepass.providers.local.clip.text import HEAVY, fit, font, lacking, writable
from stagepass.providers.local.media import loudness, probe, run_ffmpeg
from stagepass.providers.local.process import without_paths
from stagepass.providers.local.tasks import TaskStore
from stagepass.providers.ports import ClipRequest, LineTiming

FULL = (1080, 1920)
WIDE = (1920, 1080)
HOSTILE = '{\\an8}\\N\';drop,:=[0:v]%{pts}\n../../etc\x00\x1b[31m \u202e😀 "quoted" 끝'

times = st.floats(-5, 70) | st.sampled_from([math.nan, math.inf, -math.inf])
lines = st.lists(st.builds(LineTiming, st.sampled_from(["바람이 분다", "la la", " ", ""]), times, times), max_size=25)


# ── the timeline ─────────────────────────────────────────────────────────────────────────────────


@given(st.floats(3, 90), lines, st.lists(st.booleans(), min_size=1, max_size=10))
@settings(max_examples=80, deadline=None)
def test_scenes_cover_the_whole_duration_and_fade_one_at_a_time(duration, sung, whole):
    plan = make_plan(duration, sung, whole)

    assert plan.scenes[0].start == 0
    assert plan.scenes[-1].end == duration
    for scene, following in zip(plan.scenes, plan.scenes[1:], strict=False):
        assert scene.end == following.start
    assert 0 < plan.fade <= FADE
    assert all(scene.end - scene.start >= plan.fade for scene in plan.scenes)
    for time in np.arange(0, duration, 0.31):
        scene, following, share = plan.at(float(time))
        assert 0 <= share <= 1
        shown_until = scene.end + plan.fade / 2 if scene is not plan.scenes[-1] else duration
        assert scene.start - plan.fade / 2 <= time <= shown_until
        view = scene.camera.at(float(time))
        assert view.zoom >= 1
        assert abs(view.x) <= 1
        assert abs(view.y) <= 1


@given(st.floats(20, 60), lines, st.integers(1, 10))
@settings(max_examples=80, deadline=None)
def test_every_photo_is_shown_in_order_before_any_is_shown_again(duration, sung, photos):
    shown = [s.picture for s in make_plan(duration, sung, [False] * photos).scenes if s.kind == "photo"]
    assert shown[:photos] == list(range(photos))


@given(st.floats(3, 90), lines)
@settings(max_examples=80, deadline=None)
def test_captions_are_in_order_apart_and_inside(duration, sung):
    captions = make_plan(duration, sung, [False]).captions
    starts = [line.start for line in sung]
    before = 0.0
    for caption in captions:
        assert before <= caption.start < caption.end <= duration
        assert caption.start in starts or caption.start == 0.0
        before = caption.end


def test_lines_out_of_order_are_put_in_order():
    sung = [LineTiming("c", 9, 10), LineTiming("a", 1, 2), LineTiming("b", 4, 6)]
    assert [line.text for line in make_plan(30, sung, [False]).captions] == ["a", "b", "c"]


def test_a_caption_keeps_its_own_times():
    line = LineTiming("a", 4.0, 6.5)
    assert make_plan(30, [line, LineTiming("b", 7.0, 9.0)], [False]).captions[0] == line


def test_photos_change_where_a_line_starts_and_rather_where_a_section_does():
    even = [s.start for s in make_plan(40, [], [False] * 4).scenes if s.kind == "photo"]
    step = even[1] - even[0]
    line = LineTiming("a", even[2] + 0.8, even[2] + 2)
    assert line.start in [s.start for s in make_plan(40, [LineTiming("-", 3.0, 3.9), line], [False] * 4).scenes]

    # Nearer, but in the middle of a section; then farther, after a breath.
    near, line = LineTiming("b", even[2] - 0.6, even[2] - 0.3), replace(line, start=even[2] + 1.22)
    sung = [LineTiming("-", 3.0, 3.9), LineTiming("a", even[2] - 2, even[2] - 0.6), near, line]
    assert step > 4
    assert line.start in [s.start for s in make_plan(40, sung, [False] * 4).scenes]


def test_a_photo_that_must_stay_whole_is_hardly_zoomed():
    views = [v for s in make_plan(40, [], [True]).scenes for v in (s.camera.first, s.camera.last)]
    assert max(view.zoom for view in views) <= 1.05


# ── frames ───────────────────────────────────────────────────────────────────────────────────────


def test_a_slow_move_has_no_jumps_of_whole_pixels():
    edge = np.zeros((320, 320), np.uint8)
    edge[:, 160:] = 200
    picture = Frame.of(Image.fromarray(edge).convert("RGB"))

    def place(x):
        row = np.asarray(picture.seen(View(1.25, x, 0.0), (128, 128)).y, float)[64]
        return (row.max() - row).sum() / (row.max() - row.min())

    steps = np.diff([place(x) for x in np.linspace(0, 0.1, 21)])
    # 20 even steps over 1.28 px: whole pixels would be 19 zeros and a jump of one.
    assert np.all(np.abs(steps + 0.064) < 0.03)


def test_planes_are_limited_range_bt709():
    white, red = (Frame.of(Image.new("RGB", (4, 4), color)) for color in ((255, 255, 255), (255, 0, 0)))
    assert [plane.getpixel((0, 0)) for plane in white.planes] == [235, 128, 128]
    assert [plane.getpixel((0, 0)) for plane in red.planes] == [63, 102, 240]


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_font_cannot_write_is_left_out():
    assert writable("바다 🌊 café ♪\u200b\u0007\nok") == "바다 café ♪ ok"
    assert writable("\u1112\u1161\u11ab") == "한"  # letters apart, as macOS names files
    assert writable("😀👩‍👩‍👧") == ""
    assert "\x00" not in writable(HOSTILE)


PLAIN = [
    *(
        "Quán cà phê Biển Đêm",
        "İğneada Kahvesi Şirin",
        "Kawiarnia Źródło",
        "Καφενείο",
        "Кав’ярня Їжак",
        "Kavárna Růžička",
    ),
    *("咖啡馆", "珈琲の店 さくら・ラテ", "ร้านกาแฟ บ้านน้ำผึ้ง", "ຮ້ານກາເຟ", "Սրճարան", "ყავის სახლი"),
]
SHAPED = ["مقهى البحر", "בית קפה", "کافه می\u200cخواهم", "हिन्दी चाय", "காபி கடை", "ហាងកាហ្វេ"]
shaping = pytest.mark.skipif(not SHAPES, reason="Pillow has no Raqm here")


def drawn(text, line=None, face=HEAVY):
    image = Image.new("L", (900, 140))
    Lettering(text, face).draw(ImageDraw.Draw(image), (450, 90), text if line is None else line, 60, 255)
    return np.asarray(image)


@pytest.mark.parametrize("name", [*PLAIN, *(pytest.param(name, marks=shaping) for name in SHAPED)])
def test_names_in_many_scripts_are_written_whole(name):
    assert writable(name) == name
    assert lacking(name) == []
    # A sign for a missing letter is the same for each: every distinct letter has its own picture.
    letters = sorted({letter for letter in name if letter.isalpha()})
    assert len({drawn(letter).tobytes() for letter in letters}) == len(letters)
    assert drawn("\U0010ffff").tobytes() not in {drawn(letter).tobytes() for letter in letters}


@pytest.mark.parametrize(
    "show",
    [
        lambda word: title_card(word, "", FULL),
        lambda word: title_card("x", word, FULL),
        lambda word: end_card(word, "", FULL),
        lambda word: Caption(LineTiming(word, 0, 2), FULL).overlay,
    ],
    ids=["title", "place", "end", "caption"],
)
def test_cards_and_captions_draw_the_letters_that_the_first_font_lacks(show):
    def seen(word):
        frame = Frame.plain(FULL)
        show(word).paint(frame)
        return b"".join(frame.data())

    assert not has(HEAVY, "馆")
    assert not has(HEAVY, "啡")
    assert len({seen(word) for word in ("", "馆", "啡")}) == 3  # boxes would be the same for both letters
    assert seen("馆 😀☕") == seen("馆")


def test_a_word_has_one_font_and_hangul_keeps_its_own():
    assert has(HEAVY, "店")
    fonts = [(run.text, run.face) for run in Lettering("店馆 카페", HEAVY)._runs("店馆 카페")]
    assert fonts == [("店馆 ", "DroidSansFallbackFull.ttf"), ("카페", HEAVY)]


@shaping
@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Cafe بحر Sea", ["Cafe", "بحر", "Sea"]),
        ("בית (2) Sea", ["Sea", "(2)", "בית"]),
        ("Sea בית 24", ["Sea", "24", "בית"]),
    ],
)
def test_scripts_of_both_directions_stand_in_the_order_they_are_read(text, seen):
    assert [run.text.strip() for run in Lettering(text, HEAVY)._runs(text) if not run.text.isspace()] == seen


@shaping
def test_arabic_letters_join():
    apart = sum(drawn(letter).astype(int).any(0).sum() for letter in "بحر")
    assert drawn("بحر").any(0).sum() < 0.8 * apart


def test_letters_that_no_font_has_are_named_and_signs_are_not():
    assert lacking("카페 𰀀 𱍊 𰀀 \ue000 ☕ 1️⃣ 🇰🇷 👩🏽‍🍳") == ["𰀀", "𱍊"]
    assert writable("카페 ☕ ✨ 🇰🇷 👩🏽‍🍳 ❤️ 𰀀") == writable("카페 ❤")


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_text_fits_two_lines(text):
    fitted = fit(writable(text), HEAVY, 62, 880, smallest=38)
    assert 1 <= len(fitted.lines) <= 2
    assert all(fitted.lettering.length(line, fitted.size) <= 880 for line in fitted.lines)


def test_a_line_without_end_is_cut_and_says_so():
    for letter in ("a ", "i", "가", "ế "):
        fitted = fit(writable(letter * 1500), HEAVY, 62, 880, smallest=38)
        assert len(fitted.lines) == 2
        assert all(line.endswith("…") for line in fitted.lines)


def test_a_long_line_is_broken_into_two_of_like_length_between_words():
    text = "따뜻한 불빛 하나 켜 두었어요 파도 소리에 잠이 들어요"
    first, second = fit(text, HEAVY, 62, 880, smallest=38).lines
    assert f"{first} {second}" == text
    wide = [font(HEAVY, 62).getlength(line) for line in (first, second)]
    assert max(wide) < 1.35 * min(wide)


@pytest.mark.parametrize("size", [FULL, WIDE])
@pytest.mark.parametrize("text", ["여기 머물러요", "gypsy jazz, quietly " * 4, "가" * 900, "W" * 400, HOSTILE])
def test_captions_keep_clear_of_what_apps_put_over_a_clip(size, text):
    left, top, right, bottom = Caption(LineTiming(text, 0, 2), size).overlay.box
    assert bottom <= size[1] * 0.82
    assert left >= size[0] * 0.05
    assert right <= size[0] * 0.95
    assert top >= size[1] * 0.55


def test_a_caption_shows_in_its_own_time_only():
    caption = Caption(LineTiming("la", 2.0, 4.0), (90, 160))
    assert [caption.opacity(t) for t in (1.99, 2.0, 3.0, 4.0, 4.01)] == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("card", [title_card, end_card])
@pytest.mark.parametrize("size", [FULL, WIDE, (90, 160)])
@pytest.mark.parametrize(
    "title", ["바다의 온도", "아주 길고 또 긴 이름을 가진 우리 동네 게스트하우스", "X" * 100, HOSTILE, "😀"]
)
def test_cards_fit_the_frame(card, size, title):
    left, top, right, bottom = card(title, "군산 신흥동", size).box
    assert left >= 0
    assert top >= 0
    assert right <= size[0]
    assert bottom <= size[1]


# ── photos ───────────────────────────────────────────────────────────────────────────────────────


def halves(size=(80, 40)):
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    return image


def saved(folder, image, name, **options):
    path = folder / name
    image.save(path, **options)
    return path


def color(image, x, y):
    return max(range(3), key=lambda band: image.getpixel((x, y))[band])


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: left becomes above
    photo = open_photo(saved(tmp_path, halves(), "a.jpg", exif=exif, quality=95), 0)
    assert photo.size == (40, 80)
    assert (color(photo, 20, 10), color(photo, 20, 70)) == (0, 2)


def test_every_kind_of_image_becomes_rgb(tmp_path):
    kinds = {
        "cmyk.jpg": halves().convert("CMYK"),
        "palette.png": halves().quantize(8),
        "webp.webp": halves(),
        "gif.gif": halves().quantize(8),
    }
    for name, image in kinds.items():
        photo = open_photo(saved(tmp_path, image, name), 0)
        assert (photo.mode, color(photo, 10, 20), color(photo, 70, 20)) == ("RGB", 0, 2), name
    grey = open_photo(saved(tmp_path, Image.new("L", (9, 9), 120), "grey.png"), 0)
    assert grey.getpixel((4, 4)) == (120, 120, 120)
    deep = Image.fromarray(np.full((9, 9), 0x8000, np.uint16))
    assert abs(open_photo(saved(tmp_path, deep, "deep.png"), 0).getpixel((4, 4))[0] - 128) <= 1
    clear = open_photo(saved(tmp_path, Image.new("RGBA", (9, 9), (255, 0, 0, 0)), "clear.png"), 0)
    assert min(clear.getpixel((4, 4))) > 230  # on paper, not the red that nobody was to see


@pytest.mark.parametrize("size", [(1, 1), (3000, 40), (40, 3000), (1600, 1200), (1200, 1600), (100, 100)])
@pytest.mark.parametrize("frame", [(90, 160), (160, 90)])
def test_any_shape_becomes_a_picture_for_the_frame(size, frame):
    picture, whole = prepare(Image.new("RGB", size), frame)
    assert picture.width >= frame[0]
    assert picture.height >= frame[1]
    assert picture.width % 2 == 0
    assert picture.height % 2 == 0
    ratio = (size[0] / size[1]) / (frame[0] / frame[1])
    assert whole == (1 - min(ratio, 1 / ratio) > 0.45)


def test_a_photo_that_cropping_would_spoil_stays_whole_in_the_middle():
    picture, whole = prepare(halves((1600, 900)), (90, 160))
    y = int(picture.height * 0.45)
    assert whole
    assert (color(picture, int(picture.width * 0.08), y), color(picture, int(picture.width * 0.92), y)) == (0, 2)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n broken", b"GIF89a"])
def test_what_is_no_image_is_named(tmp_path, content):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(Permanent, match=r"image 3 \(images\.2\)"):
        open_photo(tmp_path / "x.jpg", 2)


def test_half_a_photo_is_damaged(tmp_path):
    path = saved(tmp_path, Image.effect_noise((300, 300), 90).convert("RGB"), "a.jpg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Permanent, match="damaged"):
        open_photo(path, 0)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path):
    path = saved(tmp_path, Image.new("1", (13_000, 10_000)), "bomb.png")
    assert path.stat().st_size < 100_000
    with pytest.raises(Permanent, match="million pixels"):
        open_photo(path, 0)


# ── the file that comes out ──────────────────────────────────────────────────────────────────────


def tone(path, seconds):
    """A tone of about −14.5 LUFS."""
    source = f"sine=220:d={seconds}:r=44100,aformat=channel_layouts=stereo,volume=7.3dB"
    run_ffmpeg(["-f", "lavfi", "-i", source, "-y", str(path)])
    return path


def louder(song, decibels, path):
    run_ffmpeg(["-i", str(song), "-af", f"volume={decibels}dB", "-y", str(path)])
    return path


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory):
    """Each render is a new interpreter: let the first one's bytecode serve the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("inputs")


@pytest.fixture(scope="module")
def song(folder):
    return tone(folder / "song.wav", 3)


@pytest.fixture(scope="module")
def photo(folder):
    return saved(folder, halves((300, 400)), "photo.jpg")


@pytest.fixture
def request_(song, photo):
    sung = [LineTiming("바람이 분다", 0.8, 1.6), LineTiming("and the light stays on", 1.8, 2.6)]
    return ClipRequest("바다의 온도", "군산", [photo], song, 3.0, sung)


@pytest.fixture
def small(tmp_path):
    return LocalClipMaker(tmp_path / "tasks", short_side=90, fps=10)


def boxes(path):
    """The names of an MP4's outermost boxes, in order."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        names.append(data[at + 4 : at + 8].decode("ascii"))
        at += int.from_bytes(data[at : at + 4], "big")
    return names


def test_a_real_clip_is_what_apps_take(tmp_path, request_):
    local = LocalClipMaker(tmp_path)
    clip = local.look(local.submit(replace(request_, duration=2.0)))
    assert clip is not None
    made = probe(Path(clip.source))

    assert made.video is not None
    assert made.audio is not None
    video, audio = made.video, made.audio
    assert (video.codec, video.profile, video.pixels, video.fps) == ("h264", "High", "yuv420p", 30)
    assert (video.width, video.height) == (clip.width, clip.height) == FULL
    assert video.color.startswith("tv, bt709")
    assert (audio.codec, audio.rate, audio.channels) == ("aac", 48000, "stereo")
    assert made.duration == pytest.approx(2.0, abs=0.05)
    assert clip.duration == 2.0
    names = boxes(Path(clip.source))
    assert names.index("moov") < names.index("mdat")
    assert -16 < loudness(Path(clip.source)) < -13


def test_the_same_order_is_the_same_task_and_is_rendered_once(small, request_, photo, tmp_path):
    task = small.submit(request_)
    first = small.look(task)
    made = Path(first.source).stat().st_mtime_ns

    elsewhere = tmp_path / "moved.jpg"
    elsewhere.write_bytes(photo.read_bytes())
    assert small.submit(replace(request_, images=[elsewhere])) == task
    assert small.look(task) == first
    assert Path(first.source).stat().st_mtime_ns == made

    elsewhere.write_bytes(photo.read_bytes() + b"\0")
    assert small.submit(replace(request_, images=[elsewhere])) != task
    assert small.submit(replace(request_, subtitle="전주")) != task
    target = io.BytesIO()
    small.fetch(first, target)
    assert target.getvalue() == Path(first.source).read_bytes()
    assert not list(Path(first.source).parent.glob("photo-*"))


def test_an_order_outlives_its_files(small, request_, tmp_path):
    photo = saved(tmp_path, halves(), "gone.png")
    task = small.submit(replace(request_, images=[photo], orientation="horizontal"))
    photo.unlink()
    clip = small.look(task)
    assert (clip.width, clip.height) == (160, 90)


def test_no_photo_and_hostile_words_still_make_a_clip(small, request_):
    sung = [LineTiming(HOSTILE, 0.1, 1.5), LineTiming("가" * 3000, 1.5, 2.9), LineTiming("x", math.nan, 1.0)]
    clip = small.look(small.submit(replace(request_, title=HOSTILE, subtitle="\ud800", images=[], captions=sung)))
    assert probe(Path(clip.source)).duration == pytest.approx(3.0, abs=0.11)


@pytest.mark.parametrize("decibels", [-18, 7])
def test_a_song_that_is_far_too_soft_or_loud_is_brought_into_range(small, request_, song, tmp_path, decibels):
    heard = louder(song, decibels, tmp_path / "s.wav")
    assert not -20 < loudness(heard) < -12
    clip = small.look(small.submit(replace(request_, audio=heard)))
    assert -20 < loudness(Path(clip.source)) < -12


def test_a_song_in_range_is_left_as_it_is():
    assert [gain_for(level) for level in (-18.0, -14.5, -13.0, -70.0)] == [0, 0, 0, 0]
    assert (gain_for(-24.5), gain_for(-4.5)) == (10.0, -10.0)


def test_a_shorter_song_is_followed_by_silence(small, request_, tmp_path):
    clip = small.look(small.submit(replace(request_, audio=tone(tmp_path / "s.wav", 1))))
    said = run_ffmpeg(["-stats", "-i", clip.source, "-map", "0:a", "-f", "null", "-"])
    assert re.findall(r"time=00:00:0(\d\.\d)", said)[-1] == "3.0"


# ── failures ─────────────────────────────────────────────────────────────────────────────────────


def test_a_damaged_image_is_named_to_the_caller(small, request_, photo, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image at all")
    task = small.submit(replace(request_, images=[photo, bad, photo]))
    with pytest.raises(Permanent, match=r"image 2 \(images\.1\).*not an image") as error:
        small.look(task)
    assert str(tmp_path) not in error.value.message


def test_a_song_that_is_none_is_told(small, request_, photo):
    with pytest.raises(Permanent, match="song") as error:
        small.look(small.submit(replace(request_, audio=photo)))
    assert "/" not in error.value.message


@pytest.mark.parametrize("duration", [0.0, -1.0, math.nan, math.inf, 1e9])
def test_a_senseless_duration_is_refused_at_once(small, request_, duration):
    with pytest.raises(Permanent, match="duration"):
        small.submit(replace(request_, duration=duration))


def test_a_missing_file_is_refused_at_once(small, request_, tmp_path):
    with pytest.raises(Permanent, match="photo-000"):
        small.submit(replace(request_, images=[tmp_path / "none.jpg"]))


@pytest.mark.parametrize("task", ["", "..", "../tasks", "clip-" + "0" * 32, "/etc"])
def test_an_unknown_task_is_permanent(small, request_, task):
    small.submit(request_)
    with pytest.raises(Permanent, match="no such task"):
        small.look(task)
    small.cancel(task)
    assert small.progress(task) is None


def test_a_render_past_its_limit_is_over_and_the_next_look_starts_afresh(tmp_path, request_):
    hasty = LocalClipMaker(tmp_path, short_side=90, fps=10, time_limit=0.01)
    task = hasty.submit(request_)
    with pytest.raises(TimedOut, match=r"0\.01 s"):
        hasty.look(task)
    assert LocalClipMaker(tmp_path, short_side=90, fps=10).look(task) is not None


def begun(folder):
    """A maker, and an event that is set once a render has painted its first frames."""
    started = threading.Event()
    return LocalClipMaker(folder, on_progress=lambda task, share: started.set()), started


def test_two_lookers_render_once(tmp_path, request_):
    rendered = [[], []]
    """How far each of the makers came."""
    together = threading.Barrier(4)

    def look(local):
        together.wait()
        return local.look(task)

    def maker(shares):
        return LocalClipMaker(tmp_path, short_side=90, fps=10, on_progress=lambda _, share: shares.append(share))

    makers = [maker(shares) for shares in rendered] * 2
    task = makers[0].submit(request_)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(look, makers))
    (shares,) = filter(None, rendered)
    assert shares == sorted(set(shares)), "one render's way"
    assert any(found)
    assert makers[0].look(task) is not None


def test_somebody_elses_render_is_waited_for_by_looking_again(tmp_path, request_):
    first, started = begun(tmp_path)
    task = first.submit(request_)
    with ThreadPoolExecutor(1) as pool:
        rendering = pool.submit(first.look, task)
        assert started.wait(30)
        assert LocalClipMaker(tmp_path).look(task) is None
        assert 0 <= first.progress(task) <= 1
        os.kill(first._running[task].pid, signal.SIGSTOP)  # it will not notice by itself
        first.cancel(task)
        with pytest.raises(Permanent, match="no such task"):
            rendering.result(30)
    assert not list(tmp_path.iterdir())


def test_a_killed_render_leaves_nothing_half_done(tmp_path, request_):
    first, started = begun(tmp_path)
    task = first.submit(request_)
    with ThreadPoolExecutor(1) as pool:
        rendering = pool.submit(first.look, task)
        assert started.wait(30)
        os.kill(first._running[task].pid, signal.SIGKILL)
        with pytest.raises(Transient, match="signal 9"):
            rendering.result(30)
    assert not (tmp_path / task / "clip.mp4").exists()
    assert first.progress(task) is None


_STARTER = """
import subprocess, sys
from stagepass.providers.local.process import dying_with_parent
endless = [sys.executable, "-S", "-c", "import signal; print(1, flush=True); signal.pause()"]
process = subprocess.Popen(dying_with_parent(endless), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
process.stdout.readline()
print(process.pid, flush=True)
process.wait()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
def test_a_program_dies_with_the_process_that_started_it():
    parent = subprocess.Popen([sys.executable, "-c", _STARTER], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    handle = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    assert select.select([handle], [], [], 10)[0], "it lives on"
    os.close(handle)
    parent.stdout.close()


_PARENT = """
import sys
from pathlib import Path
from stagepass.providers.local.clip import LocalClipMaker
LocalClipMaker(Path(sys.argv[1]), on_progress=lambda task, share: print(share, flush=True)).look(sys.argv[2])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_child_and_ffmpeg_die_with_their_parent(tmp_path, request_):
    task = LocalClipMaker(tmp_path).submit(request_)
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, str(tmp_path), task], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline()
    family = [pid for pid in processes_that_name(task) if pid != parent.pid]
    assert len(family) == 2  # the child and its ffmpeg
    handles = [os.pidfd_open(pid) for pid in family]

    parent.kill()
    parent.wait()

    for handle in handles:
        assert select.select([handle], [], [], 10)[0], "it lives on"
        os.close(handle)
    parent.stdout.close()
    with (tmp_path / task / "lock").open() as lock:  # nobody holds it any more
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def processes_that_name(text):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if text.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_clean_removes_what_nobody_wants(tmp_path, request_):
    local = LocalClipMaker(tmp_path)
    old, new = local.submit(request_), local.submit(replace(request_, subtitle="new"))
    os.utime(tmp_path / old, (0, 0))
    (tmp_path / ".new-crashed").mkdir()
    os.utime(tmp_path / ".new-crashed", (0, 0))
    assert local.clean(3600) == 1
    assert [path.name for path in tmp_path.iterdir()] == [new]


def test_clean_leaves_a_task_that_is_worked_on(tmp_path, request_):
    task = LocalClipMaker(tmp_path).submit(request_)
    with TaskStore(tmp_path, "clip").claim(task) as lock:
        assert lock is not None
        os.utime(tmp_path / task, (0, 0))
        assert LocalClipMaker(tmp_path).clean(3600) == 0


def test_messages_tell_no_paths():
    said = "[in#0 @ 0x5] Error opening input file:/srv/data/tasks/clip-1/song: '/tmp/a b/c.mp3' https://x.org/a/b"
    assert not re.search(r"/srv|/data|/tmp|tasks", without_paths(said))
    assert "song" in without_paths(said)
