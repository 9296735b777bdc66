"""The tables of vendors, from their documentation as of November 2026. `stagepass.providers.answers` reads them."""

from stagepass.errors import Blocked, Permanent, QuotaExhausted, RateLimited, TaskFailed, TimedOut, Transient
from stagepass.providers.answers import Rule, Table

_CREDIT = "top the account up; what waits for it goes on by itself"

_CONFLICT = Rule(Transient, "was busy with another request", status=(409,))
"""The SDKs of OpenAI and Anthropic ask once more, too."""

SUNO = Table(
    "suno",
    codes=("code",),
    texts=("msg",),
    good=frozenset({"200"}),
    rules=(
        Rule(QuotaExhausted, "has no credits left", code=("429",), advice=_CREDIT),
        Rule(RateLimited, "was asked too often", code=("405", "430"), wait=10),
        Rule(Transient, "is under maintenance", code=("455",), wait=300, not_done=True),
        Rule(Blocked, "refused the words of the song", text=r"sensitive|copyright|artist name"),
        Rule(Permanent, "finds the text too long", code=("413",), advice="a shorter lyric or style"),
        Rule(Permanent, "refused the key", code=("401",), advice="look at the key"),
        Rule(Permanent, "did not take the request", code=("400", "404", "422")),
        Rule(Transient, "failed", code=("500",)),
    ),
)
"""sunoapi.org: the code stands in the body, mostly under HTTP 200, and its 429 is about credits (docs.sunoapi.org)."""

OPENAI = Table(
    "openai",
    rules=(
        Rule(
            QuotaExhausted,
            "has no credit left",
            status=(429,),
            code=(
                "insufficient_quota",
                "credit_balance_exhausted",
                "organization_spend_limit_exceeded",
                "project_spend_limit_exceeded",
                "organization_usage_limit_exceeded",
            ),
            advice=_CREDIT,
        ),
        Rule(RateLimited, "was asked too often", status=(429,), code=("slow_down",), wait=15),
        Rule(Blocked, "refused the content", code=("content_filter", "content_policy_violation")),
        Rule(Permanent, "finds the request too long", code=("context_length_exceeded",), advice="ask for less at once"),
        Rule(Permanent, "does not have this model", code=("model_not_found",), advice="look at the model's name"),
        _CONFLICT,
    ),
)
"""api.openai.com: a 429 is either about the rate or about money; only its code or type tells."""

CREATOMATE = Table(
    "creatomate",
    codes=("code",),
    texts=("hint", "message"),
    rules=(Rule(RateLimited, "was asked too often", status=(429,), wait=10),),
)
"""api.creatomate.com says with statuses what everybody does: 401 key, 402 credit, 429 rate."""

COMPATIBLE = Table(
    "compatible",
    codes=("error.code", "error.type", "code"),
    rules=(
        Rule(Transient, "is still loading its model", status=(503,), text=r"loading model", wait=10, not_done=True),
        Rule(
            Permanent,
            "does not have this model",
            status=(404,),
            text=r"model .*not found|does not exist",
            advice="look at the model's name, and whether the server has it",
        ),
        Rule(
            Permanent,
            "finds the request too long",
            status=(400, 413),
            text=r"context (length|size|window)|maximum context",
            advice="give the server's model a larger context",
        ),
    ),
)
"""Ollama, vLLM, llama.cpp and others that speak OpenAI's Chat Completions."""

ANTHROPIC = Table(
    "anthropic",
    codes=("error.type", "error.details.error_code"),
    rules=(
        Rule(QuotaExhausted, "has no credit left", code=("billing_error",), advice=_CREDIT),
        Rule(
            QuotaExhausted,
            "has reached its limit of spending",
            code=("enforced_spend_limit_reached",),
            advice="raise the limit of spending; what waits for it goes on by itself",
        ),
        Rule(RateLimited, "was asked too often", code=("rate_limit_error",)),
        Rule(Transient, "is overloaded", code=("overloaded_error",), wait=15),
        Rule(TimedOut, "did not answer in time", code=("timeout_error",)),
        Rule(QuotaExhausted, "has no credit left", status=(400,), text=r"credit balance is too low", advice=_CREDIT),
        Rule(Permanent, "finds the request too long", code=("request_too_large",), advice="ask for less at once"),
        Rule(Permanent, "finds the request too long", text=r"prompt is too long", advice="ask for less at once"),
        Rule(Permanent, "does not have this model", code=("not_found_error",), advice="look at the model's name"),
        _CONFLICT,
    ),
)
"""api.anthropic.com: the error's type tells; 529 means overloaded, not broken."""

GEMINI = Table(
    "gemini",
    codes=("error.status", "error.details.reason"),
    texts=("error.message", "error.details.violations.quotaId"),
    waits=("error.details.retryDelay",),
    rules=(
        Rule(Permanent, "refused the key", code=("API_KEY_INVALID",), advice="look at the key"),
        Rule(
            QuotaExhausted,
            "has used up the day's quota",
            status=(429,),
            text=r"PerDay|limit: 0\b",
            advice="wait for the next day, or choose a paid tier; what waits for it goes on by itself",
        ),
        Rule(RateLimited, "was asked too often", code=("RESOURCE_EXHAUSTED",), wait=30),
        Rule(Transient, "is overloaded", code=("UNAVAILABLE",), wait=15),
        Rule(TimedOut, "did not answer in time", code=("DEADLINE_EXCEEDED",)),
        Rule(
            Permanent,
            "cannot be used from here with this account",
            code=("FAILED_PRECONDITION",),
            advice="turn on billing for the account, or use it from another region",
        ),
        Rule(Permanent, "does not have this model", code=("NOT_FOUND",), advice="look at the model's name"),
    ),
)
"""generativelanguage.googleapis.com: a 429 says only in its details whether a minute or the day is used up."""

KIE = Table(
    "kie",
    codes=("code",),
    texts=("msg",),
    good=frozenset({"200"}),
    rules=(
        Rule(QuotaExhausted, "has no credits left", code=("402",), advice=_CREDIT),
        Rule(RateLimited, "was asked too often", code=("429",), wait=10),
        Rule(Transient, "is under maintenance", code=("455",), wait=300, not_done=True),
        Rule(Blocked, "refused the words of the song", text=r"sensitive|copyright|artist name"),
        Rule(Permanent, "refused the key", code=("401",), advice="look at the key"),
        Rule(Permanent, "did not take the request", code=("400", "404", "413", "422")),
        Rule(Transient, "failed", code=("408", "451", "500", "501", "531")),
    ),
)
"""kie.ai: the paths of sunoapi.org with other codes; here 429 is the rate and 402 the credits."""

SUNO_TASK = Table(
    "suno",
    codes=("status", "errorCode"),
    texts=("errorMessage", "response.errorMessage"),
    good=frozenset({"SUCCESS"}),
    rules=(
        Rule(Blocked, "refused the words of the song", code=("SENSITIVE_WORD_ERROR",), advice="other words"),
        Rule(Blocked, "refused the words of the song", text=r"sensitive|copyright|artist name", advice="other words"),
        Rule(TaskFailed, "could not begin the song", code=("CREATE_TASK_FAILED",)),
        Rule(TaskFailed, "could not make the song", code=("GENERATE_AUDIO_FAILED",)),
        Rule(TaskFailed, "lost the song on its way", code=("CALLBACK_EXCEPTION",)),
        Rule(TaskFailed, "ended without a song", code=("FAILED", "ERROR")),
    ),
)
"""How a song's task can end without a song; read from its `data`. Whatever is not here is still going on."""

CREATOMATE_RENDER = Table(
    "creatomate",
    codes=("status",),
    texts=("error_message",),
    good=frozenset({"succeeded"}),
    rules=(
        Rule(
            Permanent,
            "could not read one of its files",
            code=("failed",),
            text=r"download|fetch|not accessible|source url",
            advice="see that PUBLIC_URL can be reached from the internet",
        ),
        Rule(TaskFailed, "could not render the clip", code=("failed",)),
        Rule(TaskFailed, "had the render cancelled", code=("cancelled",)),
    ),
)
"""How a render can end without a clip. Whatever is not here is still going on."""
