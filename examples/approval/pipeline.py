"""approval: a draft goes out only after a person has said yes, by a link that is good for one answer."""

from pydantic import BaseModel, Field

from stagepass import Cancel, Context, Pipeline


class Notice(BaseModel):
    """What is submitted."""

    text: str = Field(min_length=1, max_length=2000)
    editor: str = Field(default="the editor", max_length=100)


class Published(BaseModel):
    """What comes out."""

    text: str
    by: str


approval = Pipeline("approval", input=Notice, examples=[{"text": "We are open again from Monday."}])


@approval.stage()
def draft(request: Notice) -> str:
    return request.text.strip()


@approval.stage(after=draft)
def publish(ctx: Context, request: Notice, draft: str) -> Published:
    verdict = ctx.approval(
        "Publish this text?",
        details=draft,
        who=request.editor,
        tell=lambda url: print(f"for {request.editor}: {url}"),  # a mail or a chat message, in earnest
        at_most="7d",
    )
    if not verdict.approved:
        raise Cancel(verdict.note or "rejected")
    return Published(text=draft, by=verdict.who)
