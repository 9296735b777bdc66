"""schedule: a report every weekday at nine in Seoul. However many relays run, each morning has one job."""

from pydantic import BaseModel, Field

from stagepass import Pipeline


class Request(BaseModel):
    """What is submitted."""

    team: str = Field(default="everybody", max_length=80)


morning = Pipeline("morning", input=Request, examples=[{"team": "kitchen"}])


@morning.stage()
def greet(request: Request) -> str:
    return f"Good morning, {request.team}"


morning.schedule("0 9 * * 1-5", input={"team": "kitchen"}, zone="Asia/Seoul", missed="skip")
