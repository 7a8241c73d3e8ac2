"""Messages of invalid fields are in the words of whoever filled them in."""

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from web.http.validation import field_errors


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=4)] = "a"
    secret: Annotated[str, StringConstraints(min_length=10)] = "0123456789"
    count: int = 1
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    needed: bool


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"name": ""}, "name", "must not be empty"),
        ({"name": "abcde"}, "name", "must have at most 4 characters"),
        ({"name": 5}, "name", "must be text"),
        ({"secret": "short"}, "secret", "must have at least 10 characters"),
        ({"count": "many"}, "count", "must be a whole number"),
        ({"count": "1.5"}, "count", "must be a whole number"),
        ({"share": "half"}, "share", "must be a number"),
        ({"share": 2}, "share", "must be less than or equal to 1"),
        ({"needed": "perhaps"}, "needed", "must be true or false"),
        ({"other": 1}, "other", "is not a known field"),
    ],
)
def test_message_says_what_the_field_must_be(
    given: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate({"needed": True} | given)
    assert field_errors(caught.value) == {field: message}


def test_missing_field_is_required() -> None:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate({})
    assert field_errors(caught.value) == {"needed": "is required"}
