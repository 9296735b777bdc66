"""Registers the vendors and their settings. A vendor's dependencies are imported when it is created."""

from typing import Any

from stagepass.errors import SettingsError
from stagepass.providers.ports import ClipMaker, SongMaker, TextModel
from stagepass.providers.registry import Offer, provide
from stagepass.sentences import sentence


def _openai(offer: Offer) -> Any:
    from stagepass.providers.vendors.openai import OpenAIText

    return OpenAIText(*_text(offer, "OPENAI"))


def _compatible(offer: Offer) -> Any:
    from stagepass.providers.vendors.openai import CompatibleText

    most = _tokens(offer, "COMPATIBLE_MAX_TOKENS", "write the most tokens of an answer", least=1)
    return CompatibleText(*_text(offer, "COMPATIBLE"), most_tokens=most)


def _anthropic(offer: Offer) -> Any:
    from stagepass.providers.vendors.anthropic import AnthropicText

    return AnthropicText(*_text(offer, "ANTHROPIC"))


def _gemini(offer: Offer) -> Any:
    from stagepass.providers.vendors.gemini import GeminiText

    thinking = _tokens(offer, "GEMINI_THINKING_BUDGET", "0 turns thinking off", least=-1)  # -1: as it likes
    return GeminiText(*_text(offer, "GEMINI"), safety=offer.environ.get("GEMINI_SAFETY", ""), thinking=thinking)


def _text(offer: Offer, vendor: str) -> tuple[str, str, str, Any]:
    """Model, key, address and prices, as every text vendor takes them."""
    from stagepass.providers.vendors.prices import Prices

    environ = offer.environ
    prices = Prices.load(environ.get("PRICES_FILE", ""))
    return offer.model, _key(offer, f"{vendor}_API_KEY"), environ.get(f"{vendor}_BASE_URL", ""), prices


def _tokens(offer: Offer, name: str, advice: str, *, least: int) -> int | None:
    """A setting that counts tokens; None where it is not given."""
    given = offer.environ.get(name, "")
    try:
        count = int(given) if given else None
    except ValueError:
        raise SettingsError(sentence("{name} must be a number of tokens; {advice}", name=name, advice=advice)) from None
    if count is not None and count < least:
        raise SettingsError(sentence("{name}: {count} is too few; {advice}", name=name, count=count, advice=advice))
    return count


def _key(offer: Offer, name: str) -> str:
    """The key, in a form that a header can carry."""
    key = offer.environ.get(name, "").strip()
    if not key.isascii() or not key.isprintable():
        raise SettingsError(
            sentence("{name} contains a character that is not allowed in a key; copy the key again", name=name)
        )
    return key


def _suno(offer: Offer) -> Any:
    from stagepass.providers.vendors.suno import SunoSongs

    return SunoSongs("suno", offer.model, _key(offer, "SUNO_API_KEY"), offer.environ.get("SUNO_BASE_URL", ""))


def _kie(offer: Offer) -> Any:
    from stagepass.providers.vendors.suno import SunoSongs

    return SunoSongs("kie", offer.model, _key(offer, "KIE_API_KEY"), offer.environ.get("KIE_BASE_URL", ""))


def _creatomate(offer: Offer) -> Any:
    from stagepass.providers.vendors.composition import load_templates
    from stagepass.providers.vendors.creatomate import CreatomateClips

    if offer.model not in ("", "v1", "v2"):
        raise SettingsError(
            sentence(
                "CLIP_MAKER=creatomate:{model}: the part after the colon must be the API version, v1 or v2",
                model=offer.model,
            )
        )
    environ = offer.environ
    return CreatomateClips(
        "v1" if offer.model == "v1" else "v2",
        _key(offer, "CREATOMATE_API_KEY"),
        environ.get("CREATOMATE_BASE_URL", ""),
        load_templates(environ.get("CREATOMATE_TEMPLATES", "")),
    )


provide(TextModel, "openai", _openai, secrets=("OPENAI_API_KEY",), wants_model=True)
provide(TextModel, "anthropic", _anthropic, secrets=("ANTHROPIC_API_KEY",), wants_model=True)
provide(TextModel, "gemini", _gemini, secrets=("GEMINI_API_KEY",), wants_model=True)
provide(
    TextModel,
    "compatible",
    _compatible,
    secrets=("COMPATIBLE_BASE_URL",),
    also=("COMPATIBLE_API_KEY",),
    wants_model=True,
)
provide(SongMaker, "suno", _suno, secrets=("SUNO_API_KEY",), wants_model=True)
provide(SongMaker, "kie", _kie, secrets=("KIE_API_KEY",), wants_model=True)
provide(ClipMaker, "creatomate", _creatomate, secrets=("CREATOMATE_API_KEY",))
