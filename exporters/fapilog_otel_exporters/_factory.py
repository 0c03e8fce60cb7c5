"""What stands behind each entry point: settings validated by a Pydantic model, then the exporter built from them.

::

    mapping ──► settings model ──► build(settings) ──► Exporter
                     └── ValidationError ──► ConfigError (setting, masked value, problem, remedy)

Pydantic is loaded by the first `Factory.create`; an exporter built directly from its class does without.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from fapilog_otel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from fapilog_otel.contracts.exporter import Exporter

SettingsT = TypeVar("SettingsT", bound="BaseModel")

MASK: Final = "***"
_SECRET_NAME = re.compile(r"header|secret|passw|token|key|credential|auth|cookie", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=//)[^/@\s]*@")
_SHOWN_CHARACTERS = 200


class Factory(Generic[SettingsT]):
    """An `ExporterFactory` made of a settings model and a function.

    Args:
        name: Name of the exporter, for error messages (``"otlp_http"``).
        load_model: Gives the Pydantic model (``extra="forbid"``); a function, so that Pydantic is imported when needed.
            A field's ``description`` is the remedy shown for a bad value: write it to follow the word "Give".
        build: Makes the exporter from validated settings.
    """

    def __init__(
        self, name: str, load_model: Callable[[], type[SettingsT]], build: Callable[[SettingsT], Exporter]
    ) -> None:
        self.name = name
        self._load_model = load_model
        self._build = build

    def __repr__(self) -> str:
        return f"Factory({self.name!r})"

    @property
    def settings_model(self) -> type[SettingsT]:
        """The Pydantic model that validates this exporter's configuration."""
        return self._load_model()

    def create(self, settings: Mapping[str, object]) -> Exporter:
        """Build an exporter from its configuration.

        Args:
            settings: The destination's own keys, as the user gave them.

        Raises:
            ConfigError: A key is unknown or its value cannot be used; secrets are masked in it.
        """
        model, error = self._validate(settings)
        # Raised outside the except block: a ValidationError kept as context would carry the unmasked input along.
        if error is not None:
            raise error
        assert model is not None  # noqa: S101 - _validate gives one or the other
        return self._build(model)

    def _validate(self, settings: Mapping[str, object]) -> tuple[SettingsT | None, ConfigError | None]:
        from pydantic import ValidationError

        model = self._load_model()
        try:
            return model.model_validate(dict(settings)), None
        except ValidationError as error:
            return None, config_error(self.name, model, error)


def config_error(exporter: str, model: type[BaseModel], error: ValidationError) -> ConfigError:
    """Give a `ConfigError` for the first finding of a Pydantic validation, the number of the others noted.

    Args:
        exporter: Name of the exporter, for the message.
        model: The settings model that refused the input.
        error: What Pydantic found.
    """
    findings = error.errors(include_url=False, include_context=False)
    first = findings[0]
    setting = ".".join(str(part) for part in first["loc"]) or exporter
    field = _field_of(model, first)
    unknown = first["type"] == "extra_forbidden"
    problem = f"{exporter}: unknown setting" if unknown else f"{exporter}: {_problem(first)}"
    if len(findings) > 1:
        problem += f" (and {len(findings) - 1} more)"
    remedy = _near_name(setting, model) if unknown else _remedy(field, model)
    return ConfigError(setting, _shown_value(first, field, unknown=unknown), problem, remedy)


def masked(value: object, *, secret: bool = False) -> object:
    """Give a value fit for an error message: secrets and URL user information masked, long text cut."""
    if secret:
        return MASK
    if isinstance(value, str):
        return _USERINFO.sub(f"{MASK}@", value)[:_SHOWN_CHARACTERS]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return f"<{type(value).__name__}>"


def _field_of(model: type[BaseModel], finding: ErrorDetails) -> FieldInfo | None:
    loc = finding["loc"]
    if not loc:
        return None
    for name, field in model.model_fields.items():
        if loc[0] in {name, field.alias}:
            return field
    return None


def _problem(finding: ErrorDetails) -> str:
    text = finding["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return text[:1].lower() + text[1:].rstrip(".")


def _shown_value(finding: ErrorDetails, field: FieldInfo | None, *, unknown: bool) -> object:
    value = finding["input"]
    if finding["type"] == "missing":
        return None
    # The value under a mistyped name may be that of a secret setting.
    secret = any(_SECRET_NAME.search(str(part)) for part in finding["loc"]) or (unknown and isinstance(value, str))
    extra = field.json_schema_extra if field is not None else None
    return masked(value, secret=secret or (isinstance(extra, dict) and bool(extra.get("secret"))))


def _remedy(field: FieldInfo | None, model: type[BaseModel]) -> str:
    if field is not None and field.description:
        return f"Give {field.description.rstrip('.')}"
    return f"Known settings: {', '.join(model.model_fields)}"


def _near_name(setting: str, model: type[BaseModel]) -> str:
    near = difflib.get_close_matches(setting.rpartition(".")[2], model.model_fields, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known settings: {', '.join(model.model_fields)}" if model.model_fields else "It takes no settings"
