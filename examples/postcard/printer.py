"""The port that `postcard` needs, and a printer on this machine which takes a few seconds, as a real one would."""

import hashlib
import json
import threading
import time
import urllib.request
from pathlib import Path
from typing import Protocol

from stagepass import NotDone
from stagepass.providers.registry import port, provide

SECONDS = 4.0
"""How long it prints."""


class Printer(Protocol):
    """Prints postcards as remote orders."""

    def order(self, text: str, callback_url: str | None) -> str: ...
    def find(self, text: str) -> str | None: ...
    def look(self, order: str) -> str | None: ...
    def cancel(self, order: str) -> None: ...


class LocalPrinter:
    """Keeps each order as a file, so that every process of this machine sees it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def order(self, text: str, callback_url: str | None) -> str:
        order = hashlib.sha256(text.encode()).hexdigest()[:12]
        (self._folder / order).write_text(str(time.time() + SECONDS))
        if callback_url:
            timer = threading.Timer(SECONDS, self._call_back, (callback_url, order))
            timer.daemon = True
            timer.start()
        return order

    def find(self, text: str) -> str | None:
        order = hashlib.sha256(text.encode()).hexdigest()[:12]
        if not (self._folder / order).exists():
            raise NotDone  # certain: every order leaves a file
        return order

    def look(self, order: str) -> str | None:
        done = time.time() >= float((self._folder / order).read_text())
        return f"https://postcards.example/{order}" if done else None

    def cancel(self, order: str) -> None:
        (self._folder / order).unlink(missing_ok=True)

    @staticmethod
    def _call_back(url: str, order: str) -> None:
        body = json.dumps({"order": order, "state": "printed"}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()


port(Printer, "PRINTER")  # the setting that chooses among the providers of this port
provide(Printer, "local", lambda offer: LocalPrinter(offer.folder))
