"""The local song maker: what it promises of a song, measured on real renders by a real ffmpeg."""

import io
import itertools
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from stagepass.errors import Permanent, TimedOut, Transient
from stagepass.providers.local.media import ffmpeg
from stagepass.providers.local.song import LocalSongMaker, compose, lyric, sing, speech
from stagepass.providers.local.song.arrange import arrange
from stagepass.providers.local.song.genre import (
    ACOUSTIC,
    AMBIENT,
    BALLAD,
    CHILDREN,
    DANCE,
    HIPHOP,
    JAZZ,
    LOFI,
    POP,
    ROCK,
    TROT,
    WALTZ,
    Genre,
)  # fmt: skip
from stagepass.providers.local.song.genre_words import genre_for, ordered
from stagepass.providers.local.song.harmony import chord, scale
from stagepass.providers.local.song.loudness import integrated, limited
from stagepass.providers.local.song.mix import voice_bus
from stagepass.providers.local.song.plan import plan
from stagepass.providers.local.song.song import make
from stagepass.providers.local.song.voices import piper_voice
from stagepass.providers.ports import MadeSong, SongRequest

pytestmark = pytest.mark.timeout(60)

KOREAN = "[Verse]\n햇살이 머무는 창가에 앉아\n[후렴]\n파도 소리에 마음을 놓아요!\n"
REQUEST = SongRequest("스테이 머뭄", KOREAN, "pop, ambient", "ko")
LINES = ["햇살이 머무는 창가에 앉아", "파도 소리에 마음을 놓아요!"]


# ── one real song, rendered once for this module ─────────────────────────────────────────────────


@dataclass(frozen=True)
class Rendered:
    """A finished song, who made it, and what each of several concurrent looks got."""

    maker: LocalSongMaker
    task_id: str
    song: MadeSong
    looks: list[MadeSong | None]
    mp3: bytes


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    maker = LocalSongMaker(tmp_path_factory.mktemp("songs"))
    task_id = maker.submit(REQUEST)
    together = threading.Barrier(4)
    looks: list[MadeSong | None] = []

    def look() -> None:
        together.wait()
        looks.append(maker.look(task_id))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    song = maker.look(task_id)
    assert song is not None
    copy = io.BytesIO()
    maker.fetch(song, copy)
    return Rendered(maker, task_id, song, looks, copy.getvalue())


def _ffmpeg(arguments: list[str], data: bytes) -> tuple[bytes, str]:
    done = subprocess.run(
        [ffmpeg(), "-hide_banner", "-nostats", *arguments], input=data, capture_output=True, check=True
    )
    return done.stdout, done.stderr.decode("utf-8", "replace")


def test_concurrent_looks_render_once(rendered: Rendered) -> None:
    assert sorted(look is not None for look in rendered.looks) == [False, False, False, True]
    assert rendered.song in rendered.looks


def test_the_song_says_who_made_it_and_what_is_sung(rendered: Rendered) -> None:
    assert (rendered.maker.name, rendered.maker.model) == ("local", "stagepass-song-1")
    assert rendered.song.clip_id == rendered.task_id
    assert rendered.song.timing is not None
    assert [line.text for line in rendered.song.timing] == LINES
    for line, following in itertools.pairwise(rendered.song.timing):
        assert line.start < line.end <= following.start
    assert rendered.song.timing[-1].end < rendered.song.duration


def test_it_is_an_mp3_of_the_stated_length_and_quality(rendered: Rendered) -> None:
    _, words = _ffmpeg(["-i", "pipe:0", "-f", "null", "-"], rendered.mp3)
    assert re.search(r"Audio: mp3.*44100 Hz, stereo.*192 kb/s", words)
    pcm, _ = _ffmpeg(["-i", "pipe:0", "-f", "s16le", "pipe:1"], rendered.mp3)
    assert len(pcm) / 4 / 44100 == pytest.approx(rendered.song.duration, abs=0.06)
    assert 20 <= rendered.song.duration <= 58


def test_it_is_as_loud_as_songs_on_the_web_and_nothing_clips(rendered: Rendered) -> None:
    _, words = _ffmpeg(["-i", "pipe:0", "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"], rendered.mp3)
    assert float(re.findall(r"I:\s+(\S+) LUFS", words)[-1]) == pytest.approx(-14.5, abs=0.4)
    assert float(re.findall(r"Peak:\s+(\S+) dBFS", words)[-1]) <= -1.0


def test_no_second_of_it_is_silent_and_the_end_fades_to_nothing(rendered: Rendered) -> None:
    raw, _ = _ffmpeg(["-i", "pipe:0", "-ac", "1", "-f", "s16le", "pipe:1"], rendered.mp3)
    pcm = np.frombuffer(raw, dtype="<i2") / 32768
    seconds = len(pcm) // 44100
    level = 20 * np.log10(np.sqrt(np.mean(pcm[: seconds * 44100].reshape(seconds, -1) ** 2, axis=1)) + 1e-9)
    assert np.all(level[:-2] > -32)
    assert np.max(np.abs(pcm[-2205:])) < 0.004
    assert np.max(np.abs(pcm[:44])) < 0.02  # and it does not begin with a click


def test_a_killed_render_is_told_and_the_next_look_makes_the_very_same_song(tmp_path: Path, rendered: Rendered) -> None:
    maker = LocalSongMaker(tmp_path)
    task_id = maker.submit(REQUEST)
    failures: list[Exception] = []

    def look() -> None:
        try:
            maker.look(task_id)
        except Transient as error:
            failures.append(error)

    looker = threading.Thread(target=look)
    looker.start()
    while looker.is_alive() and not maker.progress(task_id):
        looker.join(0.01)  # until the child is in the middle of it
    os.kill(maker._running[task_id].pid, signal.SIGKILL)
    looker.join()
    assert [failure.code for failure in failures] == ["transient"]  # type: ignore[attr-defined]
    song = maker.look(task_id)
    assert song is not None
    assert Path(song.source).read_bytes() == rendered.mp3
    assert song.timing == rendered.song.timing


# ── the committer: ids, limits, cancel, cleaning ──────────────────────────────────────────────────────


def test_the_same_request_is_the_same_task_and_any_other_is_not(tmp_path: Path) -> None:
    maker = LocalSongMaker(tmp_path)
    ids = [
        maker.submit(request)
        for request in (
            REQUEST,
            REQUEST,
            replace(REQUEST, title="다른 곳"),
            replace(REQUEST, genre="jazz"),
            replace(REQUEST, lyric=KOREAN + "라라라\n"),
            replace(REQUEST, language="en"),
        )
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 5


@pytest.mark.parametrize("task_id", ["song-" + "0" * 32, "../../etc/passwd", "", "song-" + "0" * 32 + "/.."])
def test_an_unknown_task_is_permanent(tmp_path: Path, task_id: str) -> None:
    with pytest.raises(Permanent):
        LocalSongMaker(tmp_path).look(task_id)
    LocalSongMaker(tmp_path).cancel(task_id)


@pytest.mark.parametrize("text", ["", "[Verse]\n[Chorus]\n", "♪ ... ♪\n---"])
def test_a_lyric_without_words_is_refused_at_once(tmp_path: Path, text: str) -> None:
    with pytest.raises(Permanent, match="no line"):
        LocalSongMaker(tmp_path).submit(replace(REQUEST, lyric=text))


def test_a_render_past_its_limit_is_timed_out(tmp_path: Path) -> None:
    maker = LocalSongMaker(tmp_path, time_limit=0.1)
    with pytest.raises(TimedOut):
        maker.look(maker.submit(REQUEST))


def test_cancel_ends_a_running_render_and_forgets_the_task(tmp_path: Path) -> None:
    maker = LocalSongMaker(tmp_path)
    task_id = maker.submit(REQUEST)
    failures: list[Exception] = []

    def look() -> None:
        try:
            maker.look(task_id)
        except Permanent as error:
            failures.append(error)

    looker = threading.Thread(target=look)
    looker.start()
    while looker.is_alive() and maker.progress(task_id) is None:
        looker.join(0.01)
    maker.cancel(task_id)
    looker.join(5)
    assert not looker.is_alive()
    assert len(failures) == 1
    assert not any(tmp_path.iterdir())


def test_a_half_written_song_is_not_handed_out(tmp_path: Path, rendered: Rendered) -> None:
    maker = LocalSongMaker(tmp_path, time_limit=0.1)
    task_id = maker.submit(REQUEST)
    source = Path(rendered.song.source)
    (tmp_path / task_id / "result.json").write_bytes((source.parent / "result.json").read_bytes())
    (tmp_path / task_id / "song.mp3").write_bytes(rendered.mp3[:1000])
    with pytest.raises(TimedOut):  # it renders afresh
        maker.look(task_id)


def test_fetch_refuses_files_that_are_not_its_songs(tmp_path: Path, rendered: Rendered) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with pytest.raises(Permanent):
        rendered.maker.fetch(replace(rendered.song, source=str(secret)), io.BytesIO())
    gone = Path(rendered.song.source).parent.parent / "song-gone" / "song.mp3"
    with pytest.raises(Permanent):
        rendered.maker.fetch(replace(rendered.song, source=str(gone)), io.BytesIO())


def test_clean_removes_what_nobody_wants_any_more(tmp_path: Path) -> None:
    maker = LocalSongMaker(tmp_path)
    old, young = maker.submit(REQUEST), maker.submit(replace(REQUEST, title="new"))
    os.utime(tmp_path / old, (1, 1))
    assert maker.clean(3600) == 1
    assert [folder.name for folder in tmp_path.iterdir()] == [young]


# ── the voice ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def sung() -> tuple[compose.Score, list[sing.SungLine]]:
    lines = lyric.read(KOREAN + "Golden evenings by the sea\n")
    spoken = speech.speak([line.words for line in lines], "ko")
    assert spoken is not None
    starts = [[syllable.word_start for syllable in line.syllables] for line in spoken]
    score = compose.compose(lines, starts, POP, 11)
    return score, [sing.sing(words, list(line.notes), None, 1) for words, line in zip(spoken, score.lines, strict=True)]


def test_every_hangul_syllable_gets_a_note(sung: tuple[compose.Score, list[sing.SungLine]]) -> None:
    score, _ = sung
    assert [len(line.notes) for line in score.lines] == [11, 11, 7]
    assert "ctypes" not in speech.__dict__  # the GPL library lives in the child only


def test_the_timing_is_where_the_voice_is(sung: tuple[compose.Score, list[sing.SungLine]]) -> None:
    score, takes = sung
    for take, line in zip(takes, score.lines, strict=True):
        bus = voice_bus([take], int(score.plan.seconds * 44100), score.plan.bar_seconds / 4)[0]
        start, end = sing.heard(take)
        around = slice(int((start - 0.15) * 44100), int((end + 0.1) * 44100))
        level = np.convolve(np.abs(bus[around]), np.ones(441) / 441, mode="same")
        first = np.flatnonzero(level > 0.03 * np.max(level))[0] / 44100 + around.start / 44100
        assert first == pytest.approx(start, abs=0.05)
        assert start <= line.notes[0].start <= start + 0.25  # consonants come before the beat, the vowel on it
        assert end == pytest.approx(line.notes[-1].end, abs=0.12)


def test_the_voice_is_in_tune(sung: tuple[compose.Score, list[sing.SungLine]]) -> None:
    score, takes = sung
    cents = []
    for take, line in zip(takes, score.lines, strict=True):
        for note in line.notes:
            begin, finish = (int((t - take.start) * take.rate) for t in (note.start + 0.07, note.end - 0.07))
            if finish - begin > 2000:
                cents.append(abs(_cents_off(take.lead[begin:finish], take.rate, note.midi)))
    assert len(cents) >= 15
    assert np.median(cents) < 12


def _cents_off(sound: np.ndarray, rate: int, midi: float) -> float:
    wanted = rate / (440 * 2 ** ((midi - 69) / 12))
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 16)) ** 2
    correlation = np.fft.irfft(power)
    low, high = int(wanted * 0.8), int(wanted * 1.25)
    lag = low + int(np.argmax(correlation[low:high]))
    left, middle, right = correlation[lag - 1 : lag + 2]
    return float(1200 * np.log2(wanted / (lag + 0.5 * (left - right) / (left - 2 * middle + right))))


def test_without_espeak_an_instrument_plays_the_melody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "espeakng_loader.py").write_text("def get_library_path():\n    raise OSError('none here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    recording = make(replace(REQUEST, lyric="바다야"))
    assert not recording.sung
    assert 20 <= recording.duration <= 58
    assert [line.text for line in recording.timing] == ["바다야"]
    at = slice(int(recording.timing[0].start * 44100), int(recording.timing[0].end * 44100))
    assert np.sqrt(np.mean(recording.sound[:, at] ** 2)) > 0.05


# ── composing ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "genre", [POP, AMBIENT, BALLAD, JAZZ, DANCE, TROT, HIPHOP, WALTZ], ids=lambda genre: genre.name
)
def test_any_lyric_fits_into_a_song(genre: Genre) -> None:
    for count, syllables in itertools.product((1, 4, 9, 16, 30), (1, 11, 28)):
        made = plan([syllables] * count, [i // 4 for i in range(count)], genre)
        assert 20 <= made.seconds <= 58
        assert len(made.bars) == count or made.seconds > 45  # left out only where there is no room
        for bars in made.bars:
            assert syllables / (bars * made.bar_seconds) < 8


def test_a_usual_lyric_gives_a_usual_length() -> None:
    for genre in (POP, AMBIENT, BALLAD, JAZZ, DANCE, genre_for("pop, ambient")):
        assert 28 <= plan([10, 11, 10, 9, 11, 10, 12, 10], [0] * 4 + [1] * 4, genre).seconds <= 46


def _scores() -> Iterator[compose.Score]:
    lines = lyric.read("[Verse]\n" + "햇살이 머무는 창가에 앉아\n" * 4 + "[Chorus]\n" + "파도 소리에 마음을\n" * 4)
    starts = [lyric.syllable_starts(line.words) for line in lines]
    for seed, genre in enumerate((POP, AMBIENT, BALLAD, JAZZ, DANCE, ACOUSTIC, WALTZ, CHILDREN, ROCK)):
        yield compose.compose(lines, starts, genre, seed)


def test_the_melody_follows_the_chords_and_comes_home() -> None:
    for score in _scores():
        strong = 0
        on_chord = 0
        for line in score.lines:
            for note, following in itertools.pairwise(line.notes):
                assert note.start < note.end <= following.start + 1e-9
            for note in line.notes:
                assert int(note.midi) % 12 in scale(score.key)
                beat = note.start / (score.plan.bar_seconds / score.plan.beats)
                if abs(beat - round(beat)) < 0.01 and round(beat) % 2 == 0:
                    strong += 1
                    bar = score.bars[int(round(beat) // score.plan.beats)]
                    on_chord += int(note.midi) % 12 in bar.chord.tones
        assert on_chord / strong > 0.85
        assert int(score.lines[-1].notes[-1].midi) % 12 == score.key
        assert score.bars[-1].chord.root == score.key


def test_the_dice_decide_and_nothing_else() -> None:
    lines = lyric.read(KOREAN)
    starts = [lyric.syllable_starts(line.words) for line in lines]
    first, again, other = (compose.compose(lines, starts, POP, seed) for seed in (5, 5, 6))
    assert first.lines == again.lines
    assert first.lines != other.lines


def test_chords_are_what_their_names_say() -> None:
    assert chord("I", 0).tones == (0, 4, 7)
    assert chord("ii7", 0).tones == (2, 5, 9, 0)
    assert chord("V/VII", 0).bass == 11
    assert chord("iv", 7).tones == (0, 3, 7)


@pytest.mark.parametrize(
    ("words", "name", "instead_of"),
    [("pop, ambient", "pop", ""), ("잔잔한 발라드", "ambient", ""), ("로파이 재즈", "lo-fi", ""), ("통기타", "acoustic", ""),
     ("EDM", "dance", ""), ("trot", "trot", ""), ("신나는 트로트", "trot", ""), ("Hip-Hop", "hip hop", ""), ("힙합", "hip hop", ""),
     ("록", "rock", ""), ("waltz", "waltz", ""), ("왈츠", "waltz", ""), ("동요", "children's", ""), ("lofi", "lo-fi", ""),
     ("감성 발라드", "ballad", ""), ("K-pop, bright", "pop", ""), ("reggae", "acoustic", "reggae"), ("국악", "ambient", "국악"),
     ("클래식", "ballad", "클래식"), ("R&B", "lo-fi", "R&B"), ("없는 장르", "pop", "없는 장르")],
)  # fmt: skip
def test_genre_words(words: str, name: str, instead_of: str) -> None:
    assert (ordered(words).genre.name, ordered(words).instead_of) == (name, instead_of)


@pytest.mark.parametrize(
    ("genre", "bpm", "beats"),
    [(TROT, (120, 135), 4), (HIPHOP, (85, 95), 4), (ROCK, (115, 140), 4), (LOFI, (70, 86), 4), (WALTZ, (95, 130), 3),
     (CHILDREN, (100, 125), 4)],
    ids=lambda value: getattr(value, "name", None),
)  # fmt: skip
def test_each_genre_has_its_tempo_beat_and_scale(genre: Genre, bpm: tuple[int, int], beats: int) -> None:
    """Heard from the players' sound, not from what they were told."""
    lines = lyric.read(
        "[Verse]\n햇살이 머무는 창가에 앉아\n오늘도 웃어요\n[Chorus]\n파도 소리에 마음을\n언제나 여기에\n"
    )
    starts = [lyric.syllable_starts(line.words) for line in lines]
    score = compose.compose(lines, starts, genre, 3)
    buses = arrange(score, 3)
    flow = _onsets(buses["drums"] + buses["bass"])
    wanted = 60 / score.plan.bpm
    assert bpm[0] <= score.plan.bpm <= bpm[1]
    bar = beats * wanted
    assert _likeness(flow, bar) > 0.25  # what was heard comes again after a bar, and not a little before or after
    assert _likeness(flow, bar) > 2 * max(_likeness(flow, 0.9 * bar), _likeness(flow, 1.1 * bar))
    if beats == 3:
        assert _likeness(flow, bar) > _likeness(flow, 4 * wanted)
    pitches = {(int(note.midi) - score.key) % 12 for line in score.lines for note in line.notes}
    assert pitches <= set(genre.tones)
    assert int(score.lines[-1].notes[-1].midi) % 12 == (score.key + (9 if genre.minor else 0)) % 12


def _onsets(sound: np.ndarray) -> np.ndarray:
    """Where energy rises, at 200 Hz."""
    mono = sound.mean(axis=0)
    level = np.sqrt(np.mean(mono[: len(mono) // 220 * 220].reshape(-1, 220) ** 2, axis=1))
    rise = np.maximum(np.diff(level), 0)
    return np.convolve(rise, np.hanning(9), mode="same") - np.mean(rise) * 4


def _likeness(flow: np.ndarray, seconds: float) -> float:
    lag = round(seconds * 44100 / 220)
    return float(np.dot(flow[:-lag], flow[lag:]) / np.dot(flow, flow))


def test_the_treble_is_the_genres() -> None:
    def treble(genre: str) -> float:
        recording = make(replace(REQUEST, lyric="바다야", genre=genre, voice="none"))
        assert integrated(recording.sound) == pytest.approx(-14.3, abs=0.5)
        power = np.abs(np.fft.rfft(recording.sound.mean(axis=0))) ** 2
        return float(power[np.fft.rfftfreq(recording.sound.shape[1], 1 / 44100) > 2200].sum() / power.sum())

    assert treble("rock") > 0.04
    assert treble("rock") > 1.5 * treble("lo-fi")


# ── the voice that is asked for ──────────────────────────────────────────────────────────────────


def test_words_are_spoken_over_music_that_steps_back() -> None:
    recording = make(replace(REQUEST, voice="spoken"))
    assert recording.voice == "spoken by espeak-ng"
    alone = make(replace(REQUEST, voice="none"))
    assert alone.voice == "none"
    assert [line.text for line in recording.timing] == LINES
    for line, following in itertools.pairwise(recording.timing):
        assert line.start < line.end < following.start


def test_the_voice_of_choice_is_none_where_only_espeak_is_there(tmp_path: Path) -> None:
    maker = LocalSongMaker(tmp_path, voices=tmp_path)
    task = maker.submit(replace(REQUEST, voice="auto"))
    order = json.loads((tmp_path / task / "request.json").read_bytes())
    assert order["voice"] == ("none" if piper_voice(tmp_path, "ko") is None else "spoken")


def test_a_second_genre_word_colours_the_first() -> None:
    assert AMBIENT.bpm[0] < genre_for("pop, ambient").bpm[0] < POP.bpm[0]
    assert genre_for("pop, ambient").levels.pad > POP.levels.pad


def test_sections_are_read_from_tags_of_any_kind() -> None:
    lines = lyric.read("[VERSE 1]\na b\n(Pre-Chorus)\nc\n【후렴】\nd\n2절:\ne\n[Outro]\n(oh yeah)\nlove:\n")
    assert [(line.text, line.part) for line in lines] == [
        ("a b", "verse"), ("c", "chorus"), ("d", "chorus"), ("e", "verse"), ("(oh yeah)", "outro"), ("love:", "outro"),
    ]  # fmt: skip
    assert [line.part for line in lyric.read("a\nb\nc\nd")] == ["verse", "verse", "chorus", "chorus"]


def test_endless_lines_are_broken_and_no_word_is_lost() -> None:
    text = " ".join(f"단어{i}번째" for i in range(30))
    lines = lyric.read(text)
    assert len(lines) > 3
    assert " ".join(line.text for line in lines) == text
    assert all(len(lyric.syllable_starts(line.words)) <= lyric.LONGEST_LINE for line in lines)
    assert "".join(line.text for line in lyric.read("가" * 200)) == "가" * 200


# ── loudness ─────────────────────────────────────────────────────────────────────────────────────


def test_loudness_is_the_standards() -> None:
    t = np.arange(10 * 44100) / 44100
    tone = (10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    assert integrated(np.stack([tone, tone])) == pytest.approx(-23.0, abs=0.1)  # EBU Tech 3341, case 1
    gap = np.concatenate([tone, np.zeros_like(tone)])
    assert integrated(np.stack([gap, gap])) == pytest.approx(-23.0, abs=0.2)  # the gate leaves silence out


def test_the_limiter_keeps_the_ceiling_and_leaves_the_rest_alone() -> None:
    rng = np.random.default_rng(1)
    sound = (rng.standard_normal((2, 44100)) * 0.1).astype(np.float32)
    sound[:, 20000:20050] *= 12
    out = limited(sound, 0.5)
    assert np.max(np.abs(out)) <= 0.505
    assert np.allclose(out[:, :19000], sound[:, :19000])
    quiet = sound[:, :19000]
    assert limited(quiet, 0.9) is quiet
