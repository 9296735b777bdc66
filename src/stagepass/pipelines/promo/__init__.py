"""System 1, `promo`: a lyric, a song of it, and a video of the photos cut to the song."""
