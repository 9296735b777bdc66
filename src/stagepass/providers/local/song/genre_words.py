"""Which genre was ordered: words in Korean and English, and the nearest one for genres that are not played here."""

from dataclasses import dataclass

from stagepass.providers.local.song import genre as g
from stagepass.providers.local.song.genre import Genre, mixed

_OWN: tuple[tuple[Genre, tuple[str, ...]], ...] = (
    (g.TROT, ("trot", "트로트", "뽕짝", "성인가요", "엔카", "enka")),
    (g.HIPHOP, ("hip hop", "hip-hop", "hiphop", "힙합", "rap", "랩", "boom bap", "붐뱁", "trap", "트랩")),
    (g.LOFI, ("lo-fi", "lofi", "lo fi", "로파이", "로우파이", "chillhop", "칠합")),
    (g.WALTZ, ("waltz", "왈츠", "3/4", "3박자", "세 박자")),
    (g.CHILDREN, ("children", "kids", "nursery", "동요", "어린이", "아이들", "키즈")),
    (g.ROCK, ("rock", "록", "락", "metal", "메탈", "punk", "펑크록", "grunge")),
    (g.ACOUSTIC, ("acoustic", "folk", "guitar", "어쿠스틱", "포크", "통기타", "기타", "unplugged")),
    (g.BALLAD, ("ballad", "발라드", "piano", "피아노", "emotional", "감성", "서정")),
    (g.JAZZ, ("jazz", "재즈", "swing", "스윙")),
    (g.AMBIENT, ("ambient", "앰비언트", "엠비언트", "new age", "뉴에이지", "healing", "힐링", "명상", "meditation", "chill", "잔잔", "몽환")),
    (g.DANCE, ("dance", "댄스", "edm", "house", "하우스", "electro", "일렉", "disco", "디스코", "techno", "테크노", "클럽", "club")),
    (g.POP, ("k-pop", "kpop", "케이팝", "pop", "팝", "가요", "cm송", "로고송", "jingle")),
)  # fmt: skip
"""In the order in which a word is tried: ``rap`` before ``pop``, ``lo-fi`` before ``chill``."""

_NEAR: tuple[tuple[Genre, tuple[str, ...]], ...] = (
    (g.ACOUSTIC, ("reggae", "레게", "country", "컨트리", "indie", "인디", "ukulele", "우쿨렐레", "bluegrass", "latin", "라틴", "celtic")),
    (g.LOFI, ("r&b", "r & b", "rnb", "알앤비", "soul", "소울", "neo-soul", "citypop", "city pop", "시티팝", "시티 팝")),
    (g.JAZZ, ("bossa", "보사", "blues", "블루스", "lounge", "라운지", "funk", "펑크", "fusion", "샹송", "chanson", "tango", "탱고")),
    (g.BALLAD, ("classic", "클래식", "orchestra", "오케스트라", "cinematic", "시네마틱", "ost", "gospel", "가스펠", "ccm", "찬송", "hymn", "opera", "오페라", "musical", "뮤지컬")),
    (g.TROT, ("polka", "폴카", "민요", "사물놀이")),
    (g.AMBIENT, ("국악", "gugak", "korean traditional", "판소리", "가야금", "대금", "asmr", "drone", "자연")),
    (g.CHILDREN, ("lullaby", "자장가", "행진곡", "march", "carol", "캐럴", "캐롤", "christmas", "크리스마스")),
    (g.DANCE, ("synth", "신스", "trance", "dubstep", "drum and bass", "dnb", "afrobeat", "salsa", "살사", "하이퍼")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ordered:
    """What an order's words mean.

    Attributes:
        genre: how it is played.
        instead_of: the words of a genre that is not played here, for which this is the nearest; empty for none.
    """

    genre: Genre
    instead_of: str = ""


def ordered(text: str) -> Ordered:
    """The genre that these words ask for: the first one leads, the next one colours it.

    Other words (bright, 따뜻한) count where no genre is named at all: then it is pop, and said.
    """
    parts = [
        part.strip() for part in text.replace("/", ",").replace(";", ",").replace("、", ",").split(",") if part.strip()
    ]
    named = [(part, genre, exact) for part in parts for genre, exact in _named(part)]
    if not named:
        return Ordered(g.POP, text.strip())
    lead, (part, _, exact) = named[0][1], named[0]
    colour = next((genre for _, genre, exactly in named[1:] if exactly and genre is not lead), None)
    return Ordered(mixed(lead, colour) if colour and exact else lead, "" if exact else part)


def genre_for(text: str) -> Genre:
    """The same, without what it stands for."""
    return ordered(text).genre


def _named(part: str) -> list[tuple[Genre, bool]]:
    """The genres in one part of an order, those that are played here by the place of their words, then near ones."""
    text = part.lower()
    for table, exact in ((_OWN, True), (_NEAR, False)):
        found: list[tuple[int, Genre]] = []
        for genre, words in table:
            places = [text.find(word) for word in words if word in text]
            if places:
                found.append((min(places), genre))
        if found:
            return [(genre, exact) for _, genre in sorted(found, key=lambda pair: pair[0])]
    return []
