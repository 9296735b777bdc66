"""Rhythm patterns of the players within a bar: positions and lengths in sixteenths, loudness 0…1. Data only."""

Hit = tuple[int, int, float]  # first sixteenth, length, loudness

KEYS: dict[str, tuple[Hit, ...]] = {
    "held": ((0, 16, 0.8),),
    "push": ((0, 6, 0.85), (6, 4, 0.6), (10, 6, 0.7)),
    "comp": ((0, 3, 0.6), (6, 4, 0.75), (11, 4, 0.6)),
    "chop": ((4, 2, 0.85), (6, 1, 0.4), (12, 2, 0.85), (14, 1, 0.45)),
    "oompah": ((4, 3, 0.7), (8, 3, 0.65)),
    "bounce": ((0, 3, 0.8), (4, 2, 0.6), (6, 2, 0.45), (8, 3, 0.75), (12, 2, 0.6)),
    "stabs": ((2, 2, 0.8), (6, 2, 0.75), (10, 2, 0.8), (14, 2, 0.75)),
    "arpeggio": tuple((2 * i, 3, loud) for i, loud in enumerate((0.9, 0.5, 0.6, 0.5, 0.8, 0.5, 0.6, 0.5))),
}
ARPEGGIO = (0, 1, 2, 3, 2, 1, 3, 2)
"""Notes of a broken chord by eighth, lowest first."""

GUITAR: dict[str, tuple[Hit, ...]] = {
    "none": (),
    "chop": ((4, 2, 0.8), (12, 2, 0.8)),
    "power": tuple((2 * i, 2, loud) for i, loud in enumerate((1.0, 0.7, 0.8, 0.7, 0.9, 0.7, 0.8, 0.7))),
    "sparse": ((0, 8, 0.7), (6, 8, 0.5), (10, 6, 0.55)),
    "picked": tuple((2 * i, 4, loud) for i, loud in enumerate((0.8, 0.5, 0.6, 0.55, 0.7, 0.5, 0.6, 0.55))),
    "strum": ((0, 4, 0.8), (4, 2, 0.55), (6, 4, 0.65), (10, 2, 0.6), (12, 2, 0.6), (14, 2, 0.5)),
}

BASS: dict[str, tuple[tuple[int, int, float, str], ...]] = {
    "whole": ((0, 15, 0.9, "root"),),
    "twobeat": ((0, 5, 0.95, "root"), (8, 5, 0.85, "fifth"), (14, 2, 0.4, "approach")),
    "downbeat": ((0, 10, 0.95, "root"),),
    "eighths": tuple((2 * i, 2, 0.95 if i % 4 == 0 else 0.75, "root") for i in range(8)),
    "sub": ((0, 5, 1.0, "root"), (7, 2, 0.6, "root"), (10, 5, 0.9, "root")),
    "root": ((0, 7, 0.9, "root"), (8, 5, 0.75, "root"), (14, 2, 0.6, "fifth")),
    "push": ((0, 5, 0.9, "root"), (6, 2, 0.65, "root"), (8, 5, 0.8, "root"), (14, 2, 0.65, "fifth")),
    "walk": ((0, 4, 0.85, "root"), (4, 4, 0.7, "third"), (8, 4, 0.75, "fifth"), (12, 4, 0.7, "approach")),
    "offbeat": ((2, 2, 0.9, "root"), (6, 2, 0.85, "root"), (10, 2, 0.9, "root"), (14, 2, 0.85, "root")),
}

DRUMS: dict[str, dict[str, dict[str, str]]] = {
    # one character per sixteenth: X loud, x normal, o quiet, . nothing
    "pop": {
        "verse": {"kick": "X.......x.......", "rim": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
        "chorus": {
            "kick": "X.....x.x.x.....",
            "snare": "....X.......X...",
            "hat": "x.x.x.x.x.x.x.xo",
            "shaker": "o.oxo.oxo.oxo.ox",
        },
    },
    "gentle": {
        "verse": {"kick": "X.........o.....", "rim": "....o.......x...", "shaker": "o.x.o.x.o.x.o.x."},
        "chorus": {
            "kick": "X.....o.x.......",
            "snare": "....x.......x...",
            "hat": "o.x.o.x.o.x.o.x.",
            "shaker": "o.xoo.xoo.xoo.xo",
        },
    },
    "soft": {
        "verse": {"kick": "x...............", "shaker": "o...x...o...x..."},
        "chorus": {"kick": "X.........o.....", "rim": "........x.......", "shaker": "o.x.o.x.o.x.o.xo"},
    },
    "ballad": {
        "verse": {"rim": "........o.......", "shaker": "....o.......o..."},
        "chorus": {"kick": "X.........x.....", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
    },
    "lofi": {
        "verse": {"kick": "X......x..x.....", "rim": "....x.......x...", "hat": "x.oxx.o.x.oxx.o."},
        "chorus": {"kick": "X......x..x....o", "snare": "....x.......x...", "hat": "x.oxx.oox.oxx.oo"},
    },
    "shaker": {
        "verse": {"kick": "x.......x.......", "shaker": "x.o.X.o.x.o.X.o."},
        "chorus": {"kick": "X.......x.o.....", "clap": "....o.......o...", "shaker": "xoooXoooxoooXooo"},
    },
    "trot": {
        "verse": {"kick": "X.......X.......", "snare": "....o.......o..o", "hat": "x.x.X.x.x.x.X.x."},
        "chorus": {
            "kick": "X.......X.......",
            "snare": "....X..o....X.oo",
            "hat": "x.x.X.xox.x.X.xo",
            "shaker": "o.o.x.o.o.o.x.o.",
        },
    },
    "hiphop": {
        "verse": {"kick": "X..x......x.....", "snare": "....X.......X...", "hat": "x.o.x.oox.o.x.oo"},
        "chorus": {
            "kick": "X..x...x..x.x...",
            "snare": "....X.......X..o",
            "hat": "x.oxx.oox.oxx.ox",
            "clap": "....o.......o...",
        },
    },
    "rock": {
        "verse": {"kick": "X.....x.X.......", "snare": "....X.......X...", "hat": "X.x.X.x.X.x.X.x."},
        "chorus": {
            "kick": "X.x...x.X.x.....",
            "snare": "....X.......X..x",
            "open": "X...X...X...X...",
            "hat": "..x...x...x...x.",
        },
    },
    "waltz": {
        "verse": {"kick": "x...........", "rim": "....o...o..."},
        "chorus": {"kick": "X...........", "rim": "....x...x...", "shaker": "x.o.x.o.x.o."},
    },
    "claps": {
        "verse": {"kick": "x.......x.......", "clap": "....o.......o...", "shaker": "x.o.x.o.x.o.x.o."},
        "chorus": {"kick": "X.......X.......", "clap": "....x.......x.x.", "shaker": "x.ooX.oox.ooX.oo"},
    },
    "dance": {
        "verse": {"kick": "X...X...X...X...", "clap": "............o...", "hat": "..x...x...x...x."},
        "chorus": {
            "kick": "X...X...X...X...",
            "clap": "....x.......x...",
            "open": "..x...x...x...x.",
            "hat": "o.oxo.oxo.oxo.ox",
        },
    },
}
FILL = {"snare": "........o.o.oxxX", "kick": "X.....o.x......."}
LOUDNESS = {"X": 1.0, "x": 0.75, "o": 0.42}

PLAYING: dict[str, dict[str, float]] = {
    # how much each player gives in each part of the song
    "intro": {"keys": 0.9, "guitar": 0.6, "pad": 0.9, "bass": 0.0, "drums": 0.0, "bell": 1.0},
    "verse": {"keys": 0.9, "guitar": 0.75, "pad": 0.45, "bass": 0.9, "drums": 0.75, "bell": 0.0},
    "bridge": {"keys": 1.0, "guitar": 0.6, "pad": 1.0, "bass": 0.8, "drums": 0.5, "bell": 0.0},
    "chorus": {"keys": 1.0, "guitar": 1.0, "pad": 1.0, "bass": 1.0, "drums": 1.0, "bell": 0.0},
    "interlude": {"keys": 1.0, "guitar": 0.9, "pad": 1.0, "bass": 0.9, "drums": 0.8, "bell": 1.0},
    "outro": {"keys": 0.9, "guitar": 0.7, "pad": 1.0, "bass": 0.9, "drums": 0.6, "bell": 0.0},
    "ending": {"keys": 0.95, "guitar": 0.6, "pad": 1.0, "bass": 0.9, "drums": 0.0, "bell": 0.9},
}
