"""Events as the bytes of a stream: each is encoded once for all of its clients, and many go in one send."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sse_starlette import ServerSentEvent

from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Event
from stagepass.views.times import at

KEPT = 8 * 2**20
"""Bytes of encoded events that are kept for those who read the same."""

SEND = 32 * 1024
"""Bytes after which a piece is sent, and others have their turn."""


class Encoder:
    """Encodes the news of this process; for its event loop alone."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._size = 0
        self.encoded = 0
        """How many events were encoded, for tests."""

    async def pieces(self, page: Sequence[Event | Tick]) -> AsyncIterator[bytes]:
        """A page as few pieces; between two of them the event loop turns."""
        parts: list[bytes] = []
        size = 0
        for news in page:
            parts.append(self.encode(news))
            size += len(parts[-1])
            if size >= SEND:
                yield b"".join(parts)
                parts, size = [], 0
                await asyncio.sleep(0)
        if parts:
            yield b"".join(parts)
            await asyncio.sleep(0)

    def encode(self, news: Event | Tick) -> bytes:
        """One of them."""
        if isinstance(news, Tick):
            return _encoded(news)
        key = news.job_id, news.seq
        if (kept := self._kept.get(key)) is not None:
            return kept
        self.encoded += 1
        made = self._kept[key] = _encoded(news)
        self._size += len(made)
        while self._size > KEPT:
            self._size -= len(self._kept.popitem(last=False)[1])
        return made


def _encoded(news: Event | Tick) -> bytes:
    if isinstance(news, Tick):
        data: dict[str, Any] = {"progress": round(news.fraction, 4), "message": news.message}
        return ServerSentEvent(_text(news, "tick", None, data), event="tick").encode()
    return ServerSentEvent(_text(news, news.type, news.seq, news.data), event=news.type, id=str(news.seq)).encode()


def _text(news: Event | Tick, type: str, seq: int | None, data: dict[str, Any]) -> str:
    facts = {
        "job_id": news.job_id,
        "seq": seq,
        "type": type,
        "stage": data.get("stage") if news.stage is None else news.stage,
        "item": data.get("item") if news.item is None else news.item,
        "status": "running" if type == "tick" else type.rpartition(".")[2],
        "progress": data.get("progress"),
        "at": at(news.at).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return json.dumps({**data, **facts}, ensure_ascii=False, separators=(",", ":"))
