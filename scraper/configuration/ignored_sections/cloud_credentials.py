"""Credentials of cloud providers: `sigv4`, `azuread` and `google_iam`.

Source: Prometheus documentation, "Configuration", remote_write and alertmanager_config.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from model.quantities import YamlBool
from scraper.configuration.sections import Section

HiddenText = Annotated[str, Field(repr=False)]


class SigV4Settings(Section):
    """Signatures of AWS, version 4."""

    region: str = ""
    access_key: str = ""
    secret_key: HiddenText = ""
    profile: str = ""
    role_arn: str = ""
    external_id: str = ""
    use_fips_sts_endpoint: YamlBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.access_key) != bool(self.secret_key):
            raise ValueError("give both access_key and secret_key, or neither")
        return self


class ManagedIdentitySettings(Section):
    """A managed identity of Azure."""

    client_id: str = ""


class AzureOAuthSettings(Section):
    """A service principal of Azure."""

    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Annotated[str, Field(min_length=1, repr=False)]
    tenant_id: Annotated[str, Field(min_length=1)]


class AzureSdkSettings(Section):
    """The credentials that Azure's SDK finds."""

    tenant_id: str = ""


class AzureWorkloadSettings(Section):
    """A workload identity of Azure."""

    client_id: Annotated[str, Field(min_length=1)]
    tenant_id: Annotated[str, Field(min_length=1)]
    token_file_path: str = ""


class AzureAdSettings(Section):
    """Credentials of Azure; one kind of them."""

    cloud: Literal["AzurePublic", "AzureChina", "AzureGovernment"] = "AzurePublic"
    managed_identity: ManagedIdentitySettings | None = None
    oauth: AzureOAuthSettings | None = None
    sdk: AzureSdkSettings | None = None
    workload_identity: AzureWorkloadSettings | None = None
    scope: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        kinds = ("managed_identity", "oauth", "sdk", "workload_identity")
        if sum(getattr(self, kind) is not None for kind in kinds) != 1:
            raise ValueError(f"give one of {', '.join(kinds)}")
        return self


class GoogleIamSettings(Section):
    """Credentials of Google Cloud."""

    credentials_file: str = ""
