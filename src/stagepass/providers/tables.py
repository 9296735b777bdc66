"""The tables of vendors, from their documentation as of November 2026. `stagepass.providers.answers` reads them."""

from stagepass.errors import Blocked, Permanent, QuotaExhausted, RateLimited, TaskFailed, TimedOut, Transient
from stagepass.providers.answers import Rule, Table

_CREDIT = "top up the account; waiting jobs continue automatically"

_CONFLICT = Rule(Transient, "reported a conflict with another request", status=(409,))
"""The SDKs of OpenAI and Anthropic retry this, too."""

SUNO = Table(
    "suno",
    codes=("code",),
    texts=("msg", "error", "error.message"),
    good=frozenset({"200"}),
    holds=("data",),
    rules=(
        Rule(QuotaExhausted, "has no credits left", code=("429",), advice=_CREDIT),
        Rule(RateLimited, "rate limit exceeded", code=("405", "430"), wait=10),
        Rule(Transient, "is under maintenance", code=("455",), wait=300, not_done=True),
        Rule(Blocked, "rejected the lyrics", text=r"sensitive|copyright|artist name"),
        Rule(Permanent, "the text is too long", code=("413",), advice="shorten the lyrics or the style"),
        Rule(Permanent, "rejected the API key", code=("401",), advice="check the API key setting", reason="key"),
        Rule(Permanent, "rejected the request", code=("400", "404", "422")),
        Rule(Transient, "failed", code=("500",)),
    ),
)
"""sunoapi.org: the code is in the body, mostly under HTTP 200, and its 429 is about credits (docs.sunoapi.org)."""

OPENAI = Table(
    "openai",
    holds=("choices", "data", "id"),
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
        Rule(RateLimited, "rate limit exceeded", status=(429,), code=("slow_down",), wait=15),
        Rule(Blocked, "rejected the content", code=("content_filter", "content_policy_violation")),
        Rule(Permanent, "the request is too long", code=("context_length_exceeded",), advice="shorten the request"),
        Rule(
            Permanent,
            "does not have this model",
            code=("model_not_found",),
            advice="check the model name in the setting",
        ),
        _CONFLICT,
    ),
)
"""api.openai.com: a 429 is about either the rate or money; only its code or type tells which."""

CREATOMATE = Table(
    "creatomate",
    codes=("code", "error.code"),
    texts=("hint", "message", "error", "error.message"),
    holds=("id",),
    hints=("hint", "message"),
    rules=(Rule(RateLimited, "rate limit exceeded", status=(429,), wait=10),),
)
"""api.creatomate.com uses the usual statuses: 401 key, 402 credit, 429 rate."""

COMPATIBLE = Table(
    "compatible",
    holds=("choices", "data"),
    codes=("error.code", "error.type", "code"),
    rules=(
        Rule(Transient, "is still loading its model", status=(503,), text=r"loading model", wait=10, not_done=True),
        Rule(
            Permanent,
            "does not have this model",
            status=(404,),
            text=r"model .*not found|does not exist",
            advice="check the model name in the setting, and that the server has the model",
        ),
        Rule(
            Permanent,
            "the request is too long",
            status=(400, 413),
            text=r"context (length|size|window)|maximum context",
            advice="give the server's model a larger context",
        ),
    ),
)
"""Ollama, vLLM, llama.cpp and others that speak OpenAI's Chat Completions."""

ANTHROPIC = Table(
    "anthropic",
    holds=("content", "id"),
    codes=("error.type", "error.details.error_code"),
    rules=(
        Rule(QuotaExhausted, "has no credit left", code=("billing_error",), advice=_CREDIT),
        Rule(
            QuotaExhausted,
            "has reached its spending limit",
            code=("enforced_spend_limit_reached",),
            advice="raise the spending limit; waiting jobs continue automatically",
        ),
        Rule(RateLimited, "rate limit exceeded", code=("rate_limit_error",)),
        Rule(Transient, "is overloaded", code=("overloaded_error",), wait=15),
        Rule(TimedOut, "timed out", code=("timeout_error",)),
        Rule(QuotaExhausted, "has no credit left", status=(400,), text=r"credit balance is too low", advice=_CREDIT),
        Rule(Permanent, "the request is too long", code=("request_too_large",), advice="shorten the request"),
        Rule(Permanent, "the request is too long", text=r"prompt is too long", advice="shorten the request"),
        Rule(
            Permanent,
            "does not have this model",
            code=("not_found_error",),
            advice="check the model name in the setting",
        ),
        _CONFLICT,
    ),
)
"""api.anthropic.com: the error's type decides; 529 means overloaded."""

GEMINI = Table(
    "gemini",
    holds=("candidates", "promptFeedback", "usageMetadata", "name"),
    codes=("error.status", "error.details.reason"),
    texts=("error.message", "error.details.violations.quotaId"),
    waits=("error.details.retryDelay",),
    rules=(
        Rule(
            Permanent,
            "rejected the API key",
            code=("API_KEY_INVALID",),
            advice="check the API key setting",
            reason="key",
        ),
        Rule(
            QuotaExhausted,
            "has used up the day's quota",
            status=(429,),
            text=r"PerDay|limit: 0\b",
            advice="wait until tomorrow or choose a paid tier; waiting jobs continue automatically",
        ),
        Rule(RateLimited, "rate limit exceeded", code=("RESOURCE_EXHAUSTED",), wait=30),
        Rule(Transient, "is overloaded", code=("UNAVAILABLE",), wait=15),
        Rule(TimedOut, "timed out", code=("DEADLINE_EXCEEDED",)),
        Rule(
            Permanent,
            "does not serve this account from this region",
            code=("FAILED_PRECONDITION",),
            advice="enable billing for the account, or use another region",
        ),
        Rule(Permanent, "does not have this model", code=("NOT_FOUND",), advice="check the model name in the setting"),
    ),
)
"""generativelanguage.googleapis.com: a 429 says only in its details whether a minute or the day is used up."""

KIE = Table(
    "kie",
    codes=("code",),
    texts=("msg", "error", "error.message"),
    good=frozenset({"200"}),
    holds=("data",),
    rules=(
        Rule(QuotaExhausted, "has no credits left", code=("402",), advice=_CREDIT),
        Rule(RateLimited, "rate limit exceeded", code=("429",), wait=10),
        Rule(Transient, "is under maintenance", code=("455",), wait=300, not_done=True),
        Rule(Blocked, "rejected the lyrics", text=r"sensitive|copyright|artist name"),
        Rule(Permanent, "rejected the API key", code=("401",), advice="check the API key setting", reason="key"),
        Rule(Permanent, "rejected the request", code=("400", "404", "413", "422")),
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
        Rule(Blocked, "rejected the lyrics", code=("SENSITIVE_WORD_ERROR",), advice="use different lyrics"),
        Rule(Blocked, "rejected the lyrics", text=r"sensitive|copyright|artist name", advice="use different lyrics"),
        Rule(TaskFailed, "could not start the song", code=("CREATE_TASK_FAILED",)),
        Rule(TaskFailed, "could not make the song", code=("GENERATE_AUDIO_FAILED",)),
        Rule(TaskFailed, "failed while delivering the song (callback error)", code=("CALLBACK_EXCEPTION",)),
        Rule(TaskFailed, "ended without a song", code=("FAILED", "ERROR")),
    ),
)
"""Task states that end without a song, read from the task's `data`. Any other state is still in progress."""

CREATOMATE_RENDER = Table(
    "creatomate",
    codes=("status",),
    texts=("error_message",),
    hints=("error_message",),
    good=frozenset({"succeeded"}),
    rules=(
        Rule(
            Permanent,
            "could not read one of its files",
            code=("failed",),
            text=r"download|fetch|not accessible|source url",
            advice="check that PUBLIC_URL can be reached from the internet",
        ),
        Rule(TaskFailed, "could not render the clip", code=("failed",)),
        Rule(TaskFailed, "cancelled the render", code=("cancelled",)),
    ),
)
"""Render states that end without a clip. Any other state is still in progress."""
