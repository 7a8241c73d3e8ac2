from analytics.event_rates import EventRates
from model.limits import LimitName, Refusals
from storage.api.projects import Project, ProjectSettings

NOW_MS = 1_764_000_000_000


class Setting:
    def __init__(self, per_second: int) -> None:
        self.now_ms, self.refusals = NOW_MS, Refusals()
        self.rates = EventRates(per_second, lambda: self.now_ms, self.refusals)

    @property
    def refused(self) -> int:
        return self.refusals.totals()[LimitName.PROJECT_EVENTS]


def shop(number: int = 1, per_second: int = 0) -> Project:
    return Project(
        number, f"k{number}", NOW_MS, ProjectSettings("Shop", events_per_second=per_second)
    )


def test_a_project_may_send_ten_seconds_at_once_and_then_its_rate() -> None:
    setting = Setting(100)
    assert setting.rates.take(shop(), 1000) == 0
    assert setting.rates.take(shop(), 1) == 0
    assert setting.rates.take(shop(), 50) == 0.01
    assert setting.refused == 50
    setting.now_ms += 10
    assert setting.rates.take(shop(), 50) == 0
    assert setting.refused == 50


def test_a_batch_larger_than_the_bucket_is_taken_and_the_next_waits_longer() -> None:
    setting = Setting(10)
    assert setting.rates.take(shop(), 1000) == 0
    assert setting.rates.take(shop(), 1) == 90


def test_the_lower_of_both_limits_counts() -> None:
    for server, own, expected in ((0, 0, 0), (0, 5, 5), (7, 0, 7), (7, 5, 5), (5, 7, 5)):
        setting = Setting(server)
        assert setting.rates.limit(shop(per_second=own)) == expected
        assert setting.rates.take(shop(per_second=own), 1_000_000) == 0
        assert (setting.rates.take(shop(per_second=own), 1) > 0) == (expected > 0)


def test_projects_do_not_share_a_rate_and_a_changed_limit_counts_at_once() -> None:
    setting = Setting(0)
    assert setting.rates.take(shop(1, 1), 100) == 0
    assert setting.rates.take(shop(1, 1), 1) > 0
    assert setting.rates.take(shop(2, 1), 1) == 0
    assert setting.rates.take(shop(1, 1000), 1) == 0


def test_a_project_over_its_limit_stays_so_while_many_others_send() -> None:
    setting = Setting(1)
    setting.rates.take(shop(1), 1_000_000)
    for number in range(2, 10_100):
        assert setting.rates.take(shop(number), 1) == 0
    assert setting.rates.take(shop(1), 1) > 0
    assert len(setting.rates._rates) <= 10_001
