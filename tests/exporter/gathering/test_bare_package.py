import subprocess
import sys
from textwrap import dedent

import prometheus_client
import pytest

from exporter.gathering.bare_package import bare_package


def output(script: str) -> str:
    """Return what a script prints, run by a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", dedent(script)], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_modules_are_imported_without_the_package() -> None:
    shown = output("""
        import sys
        from exporter.gathering.bare_package import bare_package
        with bare_package("prometheus_client"):
            from prometheus_client.registry import CollectorRegistry
        print("prometheus_client" in sys.modules, "prometheus_client.exposition" in sys.modules)
    """)
    assert shown == "False False"


def test_the_package_can_be_imported_afterwards_and_shares_its_modules() -> None:
    shown = output("""
        from exporter.gathering.bare_package import bare_package
        with bare_package("prometheus_client"):
            from prometheus_client.registry import CollectorRegistry
        import prometheus_client
        print(prometheus_client.CollectorRegistry is CollectorRegistry)
        print(prometheus_client.registry.CollectorRegistry is CollectorRegistry)
    """)
    assert shown.split() == ["True", "True"]


def test_a_package_that_is_loaded_already_stays_as_it_is() -> None:
    with bare_package("prometheus_client"):
        assert sys.modules["prometheus_client"] is prometheus_client
    assert sys.modules["prometheus_client"] is prometheus_client


def test_a_failed_import_leaves_no_bare_package_behind() -> None:
    shown = output("""
        import sys
        from exporter.gathering.bare_package import bare_package
        try:
            with bare_package("prometheus_client"):
                import prometheus_client.missing_module
        except ModuleNotFoundError:
            print("prometheus_client" in sys.modules)
    """)
    assert shown == "False"


def test_a_package_that_is_not_installed_is_an_error() -> None:
    with (
        pytest.raises(ModuleNotFoundError, match="no_such_package"),
        bare_package("no_such_package"),
    ):
        pass
