"""The visitors of a made-up shop: product events, and the requests that its API served."""

from typing import Final

import numpy as np
import orjson

from daemon.demo.story import Story
from storage.api.new_events import NewEvents, PersonMerge
from storage.api.requests import NewRequest

_VISITS: Final = 40_000
_VISITORS: Final = 9_000
_REQUESTS: Final = 60_000
_STEPS: Final = ("page_view", "product_view", "add_to_cart", "checkout_start", "purchase")
_GO_ON: Final = (0.62, 0.34, 0.58, 0.68)
"""The share of visitors who take the next step."""
_AFTER_DEPLOY: Final = 1.25
_IN_INCIDENT: Final = 0.15
_PLATFORMS: Final = ("web", "ios", "android")
_KNOWN_FROM: Final = _STEPS.index("checkout_start")
"""The step at which a visitor logs in, or orders as a guest."""
_GUESTS: Final = 8
"""One of so many visitors has an account: each merge of two ids takes a millisecond."""
_CITIES: Final = ("Berlin", "Lyon", "Porto", "Gdansk", "Turin")
_SOURCES: Final = ("search", "newsletter", "a friend", "an advertisement")
_PLANS: Final = ("free", "pro", "team")
_PATHS: Final = ("/cart", "/checkout", "/thanks")
"""The pages of the steps from the third on."""
_LANDING_PAGES: Final = ("/", "/", "/sale", "/new", "/stories/how-to-choose")
_REFERRERS: Final = ("search.example", "", "news.example", "search.example", "social.example", "")
_PRODUCTS: Final = 40
# method, route, share, milliseconds
_ROUTES: Final = (
    ("GET", "/products/{id}", 0.42, 24.0),
    ("GET", "/search", 0.22, 65.0),
    ("GET", "/cart", 0.14, 18.0),
    ("POST", "/cart/items", 0.1, 32.0),
    ("POST", "/orders", 0.05, 140.0),
    ("GET", "/orders/{id}", 0.04, 38.0),
    ("POST", "/login", 0.03, 95.0),
)


def shop_events(story: Story) -> NewEvents:
    """Return the events of all visits, in order of time."""
    rng = np.random.default_rng((story.seed, 100))
    starts = story.moments(rng, _VISITS)
    visitors = (_VISITORS * rng.random(_VISITS) ** 1.7).astype(np.int64)
    incident = story.in_incident(starts)
    last = np.where(starts >= story.deploy_ms, _GO_ON[-1] * _AFTER_DEPLOY, _GO_ON[-1])
    last = np.where(incident, last * _IN_INCIDENT, last)
    going = np.ones(_VISITS, np.bool_)
    times, steps, persons = [], [], []
    for step in range(len(_STEPS)):
        if step:
            share = last if step == len(_STEPS) - 1 else _GO_ON[step - 1]
            going &= rng.random(_VISITS) < share
        pauses = rng.exponential(45_000, _VISITS).astype(np.int64)
        starts = starts + (pauses if step else 0)
        times.append(starts[going])
        steps.append(np.full(int(going.sum()), step))
        persons.append(visitors[going])
    at, which, who = (np.concatenate(parts) for parts in (times, steps, persons))
    inside = at < story.end_ms
    order = np.argsort(at[inside], kind="stable")
    at, which, who = (column[inside][order] for column in (at, which, who))
    prices = rng.gamma(3.0, 18.0, len(at)).round(2)
    return NewEvents(
        [f"demo-{story.seed}-{number}" for number in range(len(at))],
        [_STEPS[step] for step in which.tolist()],
        at,
        [
            customer_id(person) if _is_known(step, person) else visitor_id(person)
            for step, person in zip(which.tolist(), who.tolist(), strict=True)
        ],
        [
            _properties(step, person, price)
            for step, person, price in zip(
                which.tolist(), who.tolist(), prices.tolist(), strict=True
            )
        ],
    )


def _is_known(step: int, person: int) -> bool:
    return step >= _KNOWN_FROM and person % _GUESTS == 0


def visitor_id(person: int) -> str:
    """Return the id of a visitor who has not logged in."""
    return f"visitor-{person:04}"


def customer_id(person: int) -> str:
    """Return the id of the same person after the login."""
    return f"customer-{person:04}"


def shop_customers(events: NewEvents) -> list[PersonMerge]:
    """Return who has logged in: the visitor and the customer are one person."""
    known = {each for each in events.distinct_ids if each.startswith("customer-")}
    return [PersonMerge(each.replace("customer-", "visitor-"), each) for each in sorted(known)]


def _properties(step: int, person: int, price: float) -> str:
    cents = round(price * 100)
    properties: dict[str, object] = {
        "platform": _PLATFORMS[person % 7 % 3],
        "plan": _PLANS[person % 11 % 3],
    }
    if step == 0:
        properties["$pathname"] = _LANDING_PAGES[cents % len(_LANDING_PAGES)]
        if referrer := _REFERRERS[cents % 97 % len(_REFERRERS)]:
            properties["$referring_domain"] = referrer
    elif step == 1:
        properties["$pathname"] = f"/products/{cents % _PRODUCTS + 1}"
    else:
        properties["$pathname"] = _PATHS[step - 2]
    if step == len(_STEPS) - 1:
        properties["revenue"] = price
        properties["$set"] = {"last_order": price}
    elif step == _KNOWN_FROM:
        city, plan = _CITIES[person % 13 % 5], properties["plan"]
        properties["$set"] = {"name": f"Customer {person}", "plan": plan, "city": city}
        properties["$set_once"] = {"came_from": _SOURCES[person % 17 % 4]}
    return orjson.dumps(properties).decode()


def shop_requests(story: Story) -> list[NewRequest]:
    """Return the requests that the shop's API has served, in order of time."""
    rng = np.random.default_rng((story.seed, 200))
    times = story.moments(rng, _REQUESTS)
    shares = np.array([share for _, _, share, _ in _ROUTES])
    routes = rng.choice(len(_ROUTES), _REQUESTS, p=shares / shares.sum())
    incident = story.in_incident(times)
    usual_ms = np.array([duration_ms for *_, duration_ms in _ROUTES])[routes]
    slower = np.where(incident, 9.0, 1.0) * np.where(times >= story.deploy_ms, 0.9, 1.0)
    durations_us = (usual_ms * slower * rng.lognormal(0.0, 0.45, _REQUESTS) * 1000).astype(np.int64)
    luck = rng.random(_REQUESTS)
    statuses = np.where(luck < np.where(incident, 0.28, 0.004), 500, 200)
    statuses = np.where((luck > 0.975) & (statuses == 200), 404, statuses)
    numbers = rng.integers(1, 5_000, (2, _REQUESTS))
    found = []
    for time_ms, route, status, duration_us, item, consumer in zip(
        times.tolist(),
        routes.tolist(),
        statuses.tolist(),
        durations_us.tolist(),
        *numbers.tolist(),
        strict=True,
    ):
        method, template, *_ = _ROUTES[route]
        version = "2.4.0" if time_ms >= story.deploy_ms else "2.3.1"
        found.append(
            NewRequest(
                time_ms,
                method,
                template,
                template.replace("{id}", str(item)),
                status,
                duration_us,
                response_bytes=400 + item,
                consumer=("web", "ios", "android")[consumer % 3],
                version=version,
            )
        )
    return found
