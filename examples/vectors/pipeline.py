"""vectors: texts of many jobs go to the model in one call. A batch is full with fifty of them, or goes after 5 s."""

from pydantic import BaseModel, Field

from stagepass import Blocked, Pipeline


class Text(BaseModel):
    """What is submitted."""

    text: str = Field(max_length=2000)


class Vector(BaseModel):
    """What comes out."""

    numbers: list[float]


vectors = Pipeline("vectors", input=Text, examples=[{"text": "a room with a view of the sea"}])


@vectors.stage(batch=50, within="5s")
def embed(request: list[Text]) -> list[Vector | Blocked]:
    found = model([one.text for one in request])
    return [
        Vector(numbers=numbers) if one.text.strip() else Blocked("there is no word in it")  # fails this job alone
        for one, numbers in zip(request, found, strict=True)
    ]


def model(texts: list[str]) -> list[list[float]]:
    """Stands for a model that takes many texts at the price of one call: the share of each vowel."""
    return [[round(text.count(vowel) / max(1, len(text)), 3) for vowel in "aeiou"] for text in texts]
