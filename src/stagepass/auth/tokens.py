"""JSON Web Tokens: one family of algorithms, chosen by the settings and never by the token."""

import logging
from typing import Any

import jwt

from stagepass.errors import SettingsError, Unauthenticated
from stagepass.sentences import sentence
from stagepass.settings import Settings

log = logging.getLogger("stagepass.auth")

LEEWAY = 10
"""Seconds by which clocks may differ."""

_SHARED = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Algorithms with a shared secret, and the bytes that it must have (RFC 7518, section 3.2)."""
_PUBLIC = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}


class Tokens:
    """Checks tokens. Raises `SettingsError` for a key and algorithms that do not fit together."""

    def __init__(self, settings: Settings) -> None:
        self._algorithms = list(settings.jwt_algorithms)
        self._key: Any = settings.jwt_secret.get_secret_value().replace("\\n", "\n").strip()
        self._audience = settings.jwt_audience or None
        self._issuer = settings.jwt_issuer or None
        if not self._key:
            raise SettingsError(
                sentence("AUTH_MODE=jwt needs JWT_SECRET: the shared secret, or the issuer's public key as PEM")
            )
        wanted = set(self._algorithms)
        if wanted and wanted <= set(_SHARED):
            self._check_secret()
        elif wanted and wanted <= _PUBLIC:
            self._key = self._public_key()
        else:
            raise SettingsError(
                sentence(
                    "JWT_ALGORITHMS must be all of one family: HS256, HS384, HS512 with a shared secret, or "
                    "{public} with a public key",
                    public=", ".join(sorted(_PUBLIC)),
                )
            )

    def _check_secret(self) -> None:
        if "-----BEGIN" in self._key:
            raise SettingsError(
                sentence(
                    "JWT_SECRET is a public key (PEM), but JWT_ALGORITHMS would use it as a shared secret; set "
                    "JWT_ALGORITHMS=RS256 or ES256"
                )
            )
        needed = max(_SHARED[name] for name in self._algorithms)
        if len(self._key.encode()) < needed:
            raise SettingsError(
                sentence(
                    "JWT_SECRET must have at least {needed} bytes for {algorithms}",
                    needed=needed,
                    algorithms=", ".join(self._algorithms),
                )
            )

    def _public_key(self) -> Any:
        if "-----BEGIN" not in self._key or "PRIVATE" in self._key:
            raise SettingsError(
                sentence("JWT_SECRET must be the issuer's public key as PEM (-----BEGIN PUBLIC KEY-----)")
            )
        missing = [name for name in self._algorithms if name not in jwt.algorithms.get_default_algorithms()]
        if missing:
            raise SettingsError(
                sentence(
                    "JWT_ALGORITHMS: {missing} needs the extra: pip install 'stagepass[jwt]'",
                    missing=", ".join(missing),
                )
            )
        try:
            keys = [jwt.get_algorithm_by_name(name).prepare_key(self._key) for name in self._algorithms]
        except Exception as problem:
            raise SettingsError(
                sentence(
                    "JWT_SECRET does not fit {algorithms}: {problem}",
                    algorithms=", ".join(self._algorithms),
                    problem=problem,
                )
            ) from None
        return keys[0]

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a valid token, whose ``sub`` is a text. Raises `Unauthenticated`."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={
                    "require": ["exp", "sub", *(["aud"] if self._audience else []), *(["iss"] if self._issuer else [])]
                },
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(sentence("this token has expired; get a new one")) from None
        except (jwt.PyJWTError, ValueError, TypeError) as problem:
            log.info("a token was refused: %s", type(problem).__name__)
            raise Unauthenticated(sentence("invalid token")) from None
        if not isinstance(claims["sub"], str):
            raise Unauthenticated(sentence("invalid token"))
        return claims
