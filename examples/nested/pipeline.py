"""nested: a stage starts a job of another pipeline once, and waits for it without a slot."""

from pydantic import BaseModel, Field

from stagepass import Context, Pipeline


class Dish(BaseModel):
    """What the inner pipeline takes."""

    name: str = Field(min_length=1, max_length=80)


class Plate(BaseModel):
    """What it gives."""

    text: str


class Menu(BaseModel):
    """What the outer pipeline takes."""

    dishes: list[str] = Field(max_length=50)


kitchen = Pipeline("kitchen", input=Dish, examples=[{"name": "soup"}])
dinner = Pipeline("dinner", input=Menu, examples=[{"dishes": ["soup", "noodles"]}])


@kitchen.stage()
def cook(request: Dish) -> str:
    return f"hot {request.name}"


@kitchen.stage(after=cook)
def serve(cook: str) -> Plate:
    return Plate(text=f"{cook} on a plate")


@dinner.stage()
def plan(request: Menu) -> list[str]:
    return request.dishes


@dinner.stage(after=plan, each="plan")
def course(ctx: Context, dish: str) -> str:
    plate: Plate = ctx.run("kitchen", Dish(name=dish), type=Plate)  # a job of its own: retried, cancelled, watched
    return plate.text


@dinner.stage(after=course)
def table(course: list[str]) -> str:
    return ", ".join(course)
