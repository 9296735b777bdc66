"""A stage that is collected; each call writes into a diary what it was given."""

from pathlib import Path

from pydantic import BaseModel

from stagepass import Pipeline


class Book(BaseModel):
    title: int
    diary: str


shelf = Pipeline("shelf", input=Book)


@shelf.stage(batch=50, within="2s")
def put(request: list[Book]) -> list[int]:
    with open(Path(request[0].diary), "a") as file:
        file.write(f"call {' '.join(str(book.title) for book in request)}\n")
    return [book.title for book in request]
