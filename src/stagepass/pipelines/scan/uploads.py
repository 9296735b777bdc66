"""Photos sent ahead: a signed address to put one to, and its key to name it by afterwards.

A key is worth something only to the user that it was given to: the file is kept under a digest of both.
"""

import hashlib
import io
import uuid
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO

from pydantic import BaseModel, Field

from stagepass.declare.values import File
from stagepass.errors import Forbidden, InvalidInput, NotFound
from stagepass.inputs import Words
from stagepass.pipelines.http import RouteDeps
from stagepass.pipelines.scan.stages.vision import TYPES
from stagepass.providers.fetching.images import check_image
from stagepass.providers.fetching.kinds import HEAD, kind_of
from stagepass.sentences import sentence

EXPIRES_IN = 600
"""Seconds for which an address may be put to."""

PATH = "/api/v1/images/scan/files"
_PURPOSE = "scan-photo"


class Ahead(BaseModel):
    """A photo that is about to be uploaded."""

    filename: Annotated[str, Words(most=200, least=1)]
    content_type: str = Field(max_length=100, description="image/jpeg, image/png or image/webp")


class Ticket(BaseModel):
    """Where to put it, and how to name it afterwards."""

    key: str
    upload_url: str = Field(description="PUT the photo here")
    cdn_url: str = Field(description="where it can be seen then")
    expires_in: int = Field(description="seconds")
    required_headers: dict[str, str]


@dataclass(slots=True)
class Photo:
    """An uploaded photo, as the API's intake takes one."""

    field: str
    name: str
    content: BinaryIO
    size: int
    kind: str


class Uploads:
    """The photos of all users."""

    def __init__(self, deps: RouteDeps) -> None:
        self._deps = deps

    def ticket(self, ahead: Ahead, owner: str) -> Ticket:
        """Raises `InvalidInput` for what is no photo."""
        if ahead.content_type not in TYPES:
            raise InvalidInput(
                sentence("content_type: must be one of {types}", types=", ".join(TYPES)), field="content_type"
            )
        key = uuid.uuid4().hex
        facts = {"place": _place(key, owner), "owner": owner, "type": ahead.content_type, "name": ahead.filename}
        token = self._deps.sign(_PURPOSE, facts, EXPIRES_IN)
        return Ticket(
            key=key,
            upload_url=f"{self._deps.public_url}{PATH}/{token}",
            cdn_url=f"{self._deps.public_url}{PATH}/{token}",
            expires_in=EXPIRES_IN,
            required_headers={"Content-Type": ahead.content_type},
        )

    def leave(self, token: str) -> dict[str, Any]:
        """What a link allows. Raises `Forbidden` where it expired."""
        return self._deps.verify(_PURPOSE, token)

    def keep(self, facts: dict[str, Any], content_type: str, content: bytes) -> None:
        """Keep what was put. A second time is refused: a key always means the same photo.

        Args:
            facts: what `leave` gave.

        Raises:
            Forbidden: the address was used. InvalidInput: it is no photo of that type.
        """
        if content_type.partition(";")[0].strip().lower() != facts["type"]:
            raise InvalidInput(
                sentence("send the photo with the header Content-Type: {type}", type=facts["type"]),
                field="Content-Type",
            )
        info = check_image(content, max_bytes=self._deps.largest_upload, field="image")
        if info.type != facts["type"]:
            raise InvalidInput(
                sentence(
                    "this file is {found}, not {type}; request a new upload address",
                    found=info.type,
                    type=facts["type"],
                ),
                field="image",
            )
        place = facts["place"]
        if self._deps.stored(place):
            raise Forbidden(sentence("a photo was already uploaded here; request a new upload address"))
        file = self._deps.files.put(content, name=facts["name"], type=info.type, folder="uploads")
        engine = self._deps.engine
        engine.store.keep_file(file, place, None, facts["owner"], engine.clock.now())

    def seen(self, token: str) -> tuple[bytes, str]:
        """What was put to that address, and its type."""
        facts = self._deps.verify(_PURPOSE, token)
        return self._content(facts["place"]), str(facts["type"])

    def photo(self, key: str, owner: str) -> Photo:
        """The photo of a key, for a job. Raises `NotFound`, also for another's."""
        content = self._content(_place(key, owner))
        kind = kind_of(content[:HEAD]) or ""  # it was looked at as a whole when it was put
        return Photo("image", "photo", io.BytesIO(content), len(content), kind)

    def _content(self, place: str) -> bytes:
        uris = self._deps.stored(place)
        if not uris:
            raise NotFound(sentence("there is no photo with this image_key; upload it to its upload_url first"))
        file = File(uri=uris[0], sha256="0" * 64, size=0, type="image/jpeg")  # the store looks at the uri only
        with self._deps.files.local_copy(file) as path:
            return path.read_bytes()


def _place(key: str, owner: str) -> str:
    return "z" + hashlib.sha256(f"{key}\n{owner}".encode("utf-8", "replace")).hexdigest()[:39]
