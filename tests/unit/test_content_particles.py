"""Korean particles follow the reading of the word before them, whatever it is written in."""

import pytest

from stagepass.content.particles import PAIRS, attach, final, particle

# word, final consonant of its reading; None where the reading is not known
WORDS = [
    # Hangul
    ("카페", ""), ("바다", ""), ("머뭄", "ㅁ"), ("달", "ㄹ"), ("서울", "ㄹ"), ("책방", "ㅇ"), ("빵집", "ㅂ"),
    ("꽃", "ㅊ"), ("부엌", "ㅋ"), ("숲", "ㅍ"), ("밭", "ㅌ"), ("값", "ㅄ"), ("흙", "ㄺ"), ("여덟", "ㄼ"),
    ("낮", "ㅈ"), ("\u1103\u1161\u11af", "ㄹ"), ("ㅋㅋ", "ㅋ"), ("ㅠㅠ", ""),
    # numbers
    ("1", "ㄹ"), ("2", ""), ("3", "ㅁ"), ("4", ""), ("5", ""), ("6", "ㄱ"), ("7", "ㄹ"), ("8", "ㄹ"), ("9", ""),
    ("0", "ㅇ"), ("10", "ㅂ"), ("300", "ㄱ"), ("1,000", "ㄴ"), ("20000", "ㄴ"), ("100000000", "ㄱ"),
    ("1000000000000", ""), ("3.10", "ㅇ"), ("No.10", "ㅂ"), ("GS25", ""), ("스튜디오 7", "ㄹ"), ("２４", ""),
    # Latin words, read as words
    ("Hotel", "ㄹ"), ("Smile", "ㄹ"), ("Apple", "ㄹ"), ("Cafe", ""), ("Café", ""), ("Coffee", ""), ("House", ""),
    ("Bakery", ""), ("Bloom", "ㅁ"), ("Home", "ㅁ"), ("Stone", "ㄴ"), ("Inn", "ㄴ"), ("Station", "ㄴ"),
    ("Morning", "ㅇ"), ("Lounge", ""), ("Bank", ""), ("Music", "ㄱ"), ("Book", "ㄱ"), ("Rock", "ㄱ"), ("Park", ""),
    ("Shop", "ㅂ"), ("Club", "ㅂ"), ("Camp", ""), ("Market", "ㅅ"), ("Street", ""), ("Night", ""), ("Buffet", ""),
    ("Star", ""), ("Store", ""), ("Garden", "ㄴ"), ("Table", "ㄹ"),
    # Latin letters, spelled out
    ("KBS", ""), ("VIP", ""), ("CU", ""), ("LG", ""), ("ATM", "ㅁ"), ("FM", "ㅁ"), ("NHN", "ㄴ"), ("URL", "ㄹ"),
    ("A", ""), ("R", "ㄹ"), ("BAR", ""), ("GYM", "ㅁ"), ("B&B", ""),
    # what stands behind or around the word
    ("카페(Cafe Dal)", ""), ("달 (카페)", "ㄹ"), ("(주)달", "ㄹ"), ("「달」", "ㄹ"), ("‘머뭄’", "ㅁ"),
    ('"책방"', "ㅇ"), ("머뭄!!!", "ㅁ"), ("달 🌙", "ㄹ"), ("(달)", "ㄹ"), ("50%", ""), ("달…", "ㄹ"), ("さくら", ""),
    ("さん", "ㄴ"),
    # not known
    ("漢字", None), ("!!!", None), ("", None), ("🌙", None), ("Привет", None), ("שלום", None),
]  # fmt: skip


@pytest.mark.parametrize(("word", "consonant"), WORDS)
def test_a_word_ends_as_it_is_read(word: str, consonant: str | None) -> None:
    assert final(word) == consonant


@pytest.mark.parametrize(
    ("word", "pair", "sentence"),
    [
        ("머뭄", "은/는", "머뭄은"), ("카페", "은/는", "카페는"), ("달", "이/가", "달이"),
        ("바다", "이/가", "바다가"), ("노을", "을/를", "노을을"), ("커피", "을/를", "커피를"),
        ("빵", "과/와", "빵과"), ("커피", "과/와", "커피와"), ("서울", "으로/로", "서울로"),
        ("군산", "으로/로", "군산으로"), ("제주", "으로/로", "제주로"), ("여덟", "으로/로", "여덟으로"),
        ("Hotel", "으로/로", "Hotel로"), ("1", "으로/로", "1로"), ("10", "으로/로", "10으로"),
        ("군산", "이라/라", "군산이라"), ("제주", "이라/라", "제주라"), ("달", "이라/라", "달이라"),
        ("봄", "아/야", "봄아"), ("나비", "아/야", "나비야"), ("책방", "이에요/예요", "책방이에요"),
        ("카페", "이에요/예요", "카페예요"), ("달 (Dal)", "을/를", "달 (Dal)을"),
    ],
)  # fmt: skip
def test_the_particle_is_attached(word: str, pair: str, sentence: str) -> None:
    assert attach(word, pair) == sentence
    reverse = "/".join(reversed(pair.split("/")))
    assert attach(word, reverse) == sentence


@pytest.mark.parametrize(
    ("pair", "both"),
    [
        ("은/는", "은(는)"),
        ("으로/로", "(으)로"),
        ("이라/라", "(이)라"),
        ("아/야", "아(야)"),
        ("이에요/예요", "이에요(예요)"),
    ],
)
def test_both_forms_stand_where_the_reading_is_unknown(pair: str, both: str) -> None:
    assert particle("漢字", pair) == both


def test_unknown_particles_are_refused() -> None:
    with pytest.raises(ValueError, match="'을/은'"):
        particle("달", "을/은")
    assert "을/를" in PAIRS
    assert "를/을" in PAIRS
