"""Clips by Creatomate. Contract: creatomate.com/docs/api, v1 and v2, as of November 2026.

Its servers fetch photos and song by address, and its files are deleted after a month, so the clip is copied.
A callback only wakes the stage: the vendor is asked again before it is believed.
"""

from collections.abc import Mapping
from typing import Any, BinaryIO, Literal
from urllib.parse import quote

from stagepass.errors import Permanent, Transient
from stagepass.providers.ports import ClipRequest, MadeClip, Tell, silent
from stagepass.providers.tables import CREATOMATE, CREATOMATE_RENDER
from stagepass.providers.vendors.composition import Template, composed, filled
from stagepass.providers.vendors.http import Http
from stagepass.providers.vendors.wire import amount, own_shape, word

PROGRESS = {"planned": 0.05, "waiting": 0.1, "transcribing": 0.2, "rendering": 0.5}


class CreatomateClips:
    """A `ClipMaker`. Its `model` is the version of the API, ``v2`` or ``v1``.

    Args:
        templates: by orientation; what has none is composed from nothing.
    """

    name = "creatomate"

    def __init__(
        self, version: Literal["v1", "v2"], key: str, base_url: str, templates: Mapping[str, Template] | None = None
    ) -> None:
        self.model = version
        self._templates = templates or {}
        home = (base_url or "https://api.creatomate.com").rstrip("/")
        self._http = Http(f"{home}/{version}", {"Authorization": f"Bearer {key}"}, CREATOMATE)

    def submit(self, request: ClipRequest) -> str:
        """See `ClipMaker.submit`."""
        if not request.public_audio or len(request.public_images) != len(request.images):
            raise Permanent(
                "creatomate: photos and song have no address that it could fetch them from",
                provider=self.name,
                advice="set PUBLIC_URL to how the internet reaches this API, or FILES_URL to a store in the cloud",
            )
        order: dict[str, Any] = {"metadata": request.reference}
        if request.callback_url:
            order["webhook_url"] = request.callback_url
        template = self._templates.get(request.orientation)
        if template:
            order |= {"template_id": template.template_id, "modifications": filled(template, request)}
        elif self.model == "v1":
            order["source"] = composed(request)
        else:
            order |= composed(request)
        answer = self._http.post("/renders", order)
        with own_shape(self.name):
            task = word((answer[0] if isinstance(answer, list) else answer)["id"])
        if not task:  # it may have been taken: not knowing is no reason to order again
            raise Transient("creatomate: took the order and gave no render id", provider=self.name)
        return task

    def find(self, request: ClipRequest) -> str | None:
        """The API finds renders by their own id only: it cannot tell."""
        return None

    def look(self, task_id: str, tell: Tell = silent) -> MadeClip | None:
        """See `ClipMaker.look`."""
        render = self._http.get(f"/renders/{quote(task_id, safe='')}")
        with own_shape(self.name):
            status = word(render["status"])
        if status == "succeeded":
            size = (int(amount(render.get("width"), 20_000)), int(amount(render.get("height"), 20_000)))
            return MadeClip(task_id, amount(render.get("duration"), 86_400), *size, word(render.get("url")))
        if any(status in rule.code for rule in CREATOMATE_RENDER.rules):
            problem = CREATOMATE_RENDER.error(200, render)
            if problem:
                raise problem
        tell(PROGRESS.get(status, 0.1))
        return None

    def fetch(self, clip: MadeClip, target: BinaryIO) -> None:
        """See `ClipMaker.fetch`."""
        self._http.copy(clip.source, target)

    def cancel(self, task_id: str) -> None:
        """The API has no way to stop a render."""

    def self_check(self) -> str:
        """See `stagepass.providers.ports.SelfCheck`."""
        templates = self._http.get("/templates", time_limit=10)
        if not isinstance(templates, list):
            raise Transient("creatomate: answered in a shape that is not its own", provider=self.name)
        return f"creatomate: the key is good; the project has {len(templates)} templates"
