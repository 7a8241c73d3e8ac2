from model.base_models import NullDefaultsModel


class Server(NullDefaultsModel):
    name: str = "web"
    ports: tuple[int, ...] = (80,)


def test_null_means_the_default() -> None:
    assert Server.model_validate({"name": None, "ports": None}) == Server()
    assert Server.model_validate({"name": "db"}).name == "db"
