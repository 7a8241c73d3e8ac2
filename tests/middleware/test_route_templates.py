import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank_middleware.route_templates import NOT_FOUND, from_parameters, route_of, unified


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("/users/<int:id>", "/users/{id}"),
        ("/users/<id>/<path:rest>", "/users/{id}/{rest}"),
        ("/users/{id:int}", "/users/{id}"),
        ("/users/{id:[0-9]{1,3}}/x", "/users/{id}/x"),
        ("/users/{id}", "/users/{id}"),
        ("/plain", "/plain"),
        ("/time/12:30", "/time/12:30"),
    ],
)
def test_templates_have_one_notation(template: str, expected: str) -> None:
    assert unified(template) == expected


@pytest.mark.parametrize(
    ("path", "parameters", "expected"),
    [
        ("/users/7/orders/7", {"user": 7}, "/users/7/orders/{user}"),
        ("/users/7/orders/8", {"user": 7, "order": "8"}, "/users/{user}/orders/{order}"),
        ("/files/a/b.txt", {"path": "a/b.txt"}, "/files/{path}"),
        ("/users/7", {"page": ""}, "/users/7"),
    ],
)
def test_values_of_parameters_become_names(
    path: str, parameters: dict[str, object], expected: str
) -> None:
    assert from_parameters(path, parameters) == expected


def test_a_template_wins_over_not_found() -> None:
    # The handler of an item answers 404 for an unknown item.
    assert route_of("/items/9", "/items/{id}", None, 404) == "/items/{id}"
    assert route_of("/items/9", "", None, 404) == NOT_FOUND


@given(st.text(), st.dictionaries(st.text(), st.text() | st.integers()))
def test_any_path_has_a_route(path: str, parameters: dict[str, str | int]) -> None:
    route_of(path, "", parameters, 200)
    unified(path)


@given(st.text(), st.text(min_size=1).filter(lambda text: "/" not in text))
def test_the_last_part_of_a_path_is_the_parameter_with_its_value(path: str, value: str) -> None:
    assert route_of(f"{path}/{value}", "", {"id": value}, 200) == f"{path}/{{id}}"
