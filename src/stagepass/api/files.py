"""Files by signed link: anyone with the link may fetch the file until the link expires."""

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from stagepass.api.deps import PREFIX, SystemDep
from stagepass.files import serve

router = APIRouter(tags=["files"])


@router.head(f"{PREFIX}/files/{{token}}", include_in_schema=False)
@router.get(
    f"{PREFIX}/files/{{token}}",
    summary="Fetch a file",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "The part that Range asks for"},
        304: {"description": "The client has it already"},
        416: {"description": "There is no such part"},
    },
)
def get_file(token: str, request: Request, system: SystemDep) -> Response:
    """The file of a signed link, or the part requested by a Range header."""
    found = system.links.read(token)
    answer = serve.answer(found.file, request.headers, request.method, found.disposition)
    start, end = answer.part
    if start == end:
        if answer.status == 200:
            system.files.open(found.file).close()  # 404 for HEAD as well, where it is gone
        return Response(None, answer.status, answer.headers)
    return StreamingResponse(system.files.stream(found.file, start, end), answer.status, answer.headers)
