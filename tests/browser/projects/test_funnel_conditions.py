"""Steps of a funnel get conditions of their own by keyboard, in a narrow window."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.navigation import follow
from tests.browser.test_projects import create, send

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def send_shop(url: str, key: str) -> None:
    """Send four persons who open and buy; two of them leave between."""
    await send(
        url,
        key,
        *(
            {"eventName": name, "anonymousId": person, "properties": properties}
            for name, person, properties in (
                *(("open", "a", {"plan": "pro"}), ("buy", "a", {"amount": 5})),
                *(("open", "b", {"plan": "pro"}), ("leave", "b", {"why": "price"})),
                *(("buy", "b", {"amount": 20}), ("open", "c", {"plan": "free"})),
                *(("buy", "c", {"amount": 20}), ("open", "d", {"plan": "team"})),
                *(("leave", "d", {}), ("buy", "d", {"amount": 30})),
            )
        ),
    )


async def test_a_step_and_an_exclusion_have_conditions(page: Page, url: str) -> None:
    await page.set_viewport_size({"width": 360, "height": 800})
    key = await create(page, "Shop")
    await send_shop(url, key)
    await page.goto(f"{url}/projects/{key}/funnel")
    # The first row stays empty: the conditions follow the steps that are sent.
    await page.get_by_role("button", name="Add a step").press("Enter")
    await page.get_by_label("Step 2").fill("buy")
    await page.get_by_label("Step 3").fill("open")
    steps = page.locator("[data-rows=step] [data-row]")
    await steps.nth(2).locator("summary").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("plan")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.type("pro")
    group = page.get_by_role("group", name="Conditions of step 3", exact=True)
    await group.get_by_role("button", name="Add a condition").press("Enter")
    await expect(group.get_by_label("Property").nth(1)).to_be_focused()
    await page.keyboard.type("plan")
    await group.get_by_label("Value").nth(1).fill("team")
    await group.get_by_label("Conditions that must hold").select_option(label="any of")
    await expect(steps.nth(2).locator("[data-count]")).to_have_text("2")
    # A step takes its conditions along.
    await page.get_by_label("Step 3", exact=True).focus()
    await page.keyboard.press("Alt+ArrowUp")
    await expect(page.get_by_label("Step 2", exact=True)).to_have_value("open")
    group = page.get_by_role("group", name="Conditions of step 2", exact=True)
    await expect(group.get_by_label("Property")).to_have_count(2)
    await page.get_by_label("Exclusion 1", exact=True).fill("leave")
    exclusion = page.locator("[data-rows=exclude] [data-row]")
    await exclusion.locator("summary").press("Enter")
    await exclusion.get_by_label("Property").fill("why")
    await exclusion.get_by_label("Comparison").select_option("is_set")
    await expect(exclusion.get_by_label("Value")).to_be_hidden()
    # A new row has none of the conditions of the first one.
    await page.get_by_role("button", name="Add an exclusion").press("Enter")
    await expect(page.get_by_label("Exclusion 2", exact=True)).to_be_focused()
    await expect(exclusion.nth(1).locator("[data-count]")).to_be_hidden()
    await expect_no_overflow(page, "builder")
    await follow(page, page.get_by_role("button", name="Show", exact=True))
    # a and d: of b, the exclusion with a reason ended the attempt; c has another plan.
    await expect(page.locator("main")).to_contain_text("2 of 3 persons")
    await expect(page.locator(".funnel-where")).to_have_text(["where plan is pro or plan is team"])
    await expect_no_overflow(page, "result")
    for name in ("step_in=1", "step_match=1.any", "exclude_where=why", "step_in=1&step=buy"):
        assert name in page.url, page.url
    assert "within" not in page.url


async def test_conditions_of_steps_are_saved_and_changed(page: Page, url: str) -> None:
    key = await create(page, "Shop")
    await send_shop(url, key)
    conditions = "&".join(
        f"step_where=plan&step_op=equals&step_value={plan}&step_in=1" for plan in ("pro", "team")
    )
    await page.goto(
        f"{url}/projects/{key}/funnel?step=open&step=buy&{conditions}&step_match=1.any"
        "&exclude=leave&exclude_where=why&exclude_op=is_set&exclude_in=1"
    )
    await page.get_by_text("Save report", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("Paying")
    await follow(page, page.get_by_role("button", name="Save", exact=True))
    await expect(page.locator("main")).to_contain_text("2 of 3 persons")
    await expect(
        page.get_by_role("group", name="Conditions of step 1").get_by_label("Value")
    ).to_have_count(2)
    await page.get_by_role("button", name="Remove this condition").nth(1).press("Enter")
    await follow(page, page.get_by_role("button", name="Show", exact=True))
    await expect(page.locator(".funnel-where")).to_have_text(["where plan is pro"])
    await expect(page.locator("main")).to_contain_text("1 of 2 persons")


async def test_any_event_a_segment_and_the_place_of_an_exclusion_are_chosen_by_keys(
    page: Page, url: str
) -> None:
    await page.set_viewport_size({"width": 360, "height": 800})
    key = await create(page, "Shop")
    await send_shop(url, key)
    await page.goto(f"{url}/projects/{key}/segments")
    await page.get_by_label("Name", exact=True).fill("Rich")
    await page.get_by_label("Property or event").fill("amount")
    await page.get_by_label("Comparison").select_option("at_least")
    await page.get_by_label("Value", exact=True).fill("20")
    await page.get_by_label("Value", exact=True).press("Enter")
    await page.wait_for_url("**/segments**", wait_until="load")
    await page.goto(f"{url}/projects/{key}/funnel")
    steps = page.locator("[data-rows=step] [data-row]")
    await page.get_by_label("Step 1", exact=True).fill("buy")
    second = steps.nth(1).get_by_label("any event")
    await second.focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_label("Step 2", exact=True)).to_have_attribute("readonly", "")
    # The step takes its choice along; without a name, it is used all the same.
    await page.keyboard.press("Alt+ArrowUp")
    await expect(steps.first.get_by_label("any event")).to_be_focused()
    await expect(steps.first.get_by_label("any event")).to_be_checked()
    await steps.nth(1).locator("summary").press("Enter")
    await page.get_by_label("Segment of step 2").select_option("Rich")
    await expect(steps.nth(1).locator("[data-count]")).to_have_text("1")
    await page.get_by_role("button", name="Add a step").press("Enter")
    await expect(steps.nth(2).get_by_label("any event")).not_to_be_checked()
    await page.keyboard.type("buy")
    await page.get_by_label("Exclusion 1", exact=True).fill("leave")
    await page.get_by_label("Exclusion 1: after step").fill("2")
    await expect_no_overflow(page, "builder")
    await follow(page, page.get_by_role("button", name="Show", exact=True))
    # b, c and d bought for 20 or more, nobody bought twice.
    await expect(page.locator(".funnel-count")).to_have_text(
        ["4 persons", "3 persons", "0 persons"]
    )
    await expect(page.locator(".funnel-head b").first).to_have_text("any event")
    await expect(page.locator(".funnel-where")).to_have_text(["where the person is in Rich"])
    await expect(page.get_by_label("Exclusion 1: after step")).to_have_value("2")
    for part in ("step_any=1", "step_segment=&step=buy&step_segment=Rich&", "exclude_after=2"):
        assert part in page.url, page.url
    assert "exclude_before" not in page.url
    await expect_no_overflow(page, "result")


async def test_an_exclusion_stays_between_its_steps(page: Page, url: str) -> None:
    key = await create(page, "Shop")
    await send_shop(url, key)
    await page.goto(
        f"{url}/projects/{key}/funnel?step=look&step=open&step=buy&step=pay"
        "&exclude=leave&exclude=plan&exclude_after=2&exclude_after=&exclude_before=3&exclude_before=2"
    )

    async def expect_places(*places: tuple[str, str]) -> None:
        for number, (after, before) in enumerate(places, 1):
            fields = page.get_by_label(f"Exclusion {number}: ")
            await expect(fields.nth(0)).to_have_value(after)
            await expect(fields.nth(1)).to_have_value(before)

    await expect_places(("2", "3"), ("", "2"))
    # "buy" and "open" change places: the first exclusion counts between them still.
    await page.get_by_label("Step 3", exact=True).press("Alt+ArrowUp")
    await expect_places(("2", "3"), ("", "3"))
    await page.get_by_label("Step 2", exact=True).press("Alt+ArrowDown")
    await expect_places(("2", "3"), ("", "2"))
    # "look" moves to the end, then goes.
    for number in (1, 2, 3):
        await page.get_by_label(f"Step {number}", exact=True).press("Alt+ArrowDown")
    await expect(page.get_by_label("Step 4", exact=True)).to_have_value("look")
    await expect_places(("1", "2"), ("", "1"))
    await page.get_by_role("button", name="Remove this step").nth(3).press("Enter")
    await expect_places(("1", "2"), ("", "1"))
    # The second exclusion names "pay", which goes: it counts up to the last step.
    await page.get_by_label("Exclusion 2: before step").fill("3")
    await page.get_by_role("button", name="Remove this step").nth(2).press("Enter")
    await expect_places(("1", "2"), ("", ""))
    # An empty row is not sent: the numbers are those of the steps that are.
    await page.get_by_role("button", name="Add a step").press("Enter")
    for _ in range(2):
        await page.keyboard.press("Alt+ArrowUp")
    await expect(page.get_by_label("Step 1", exact=True)).to_have_value("")
    await expect_places(("2", "3"), ("", ""))
    await follow(page, page.get_by_role("button", name="Show", exact=True))
    await expect_places(("1", "2"), ("", ""))
    # a and c bought after they opened; b and d left between.
    await expect(page.locator("main")).to_contain_text("2 of 4 persons")


async def test_an_exclusion_lets_go_of_a_step_that_is_removed(page: Page, url: str) -> None:
    key = await create(page, "Shop")
    await send_shop(url, key)
    await page.goto(
        f"{url}/projects/{key}/funnel?step=open&step=look&step=buy"
        "&exclude=leave&exclude_after=2&exclude_before=3"
    )
    await page.get_by_role("button", name="Remove this step").nth(1).press("Enter")
    await expect(page.get_by_label("Exclusion 1: after step")).to_have_value("")
    await expect(page.get_by_label("Exclusion 1: before step")).to_have_value("2")
    await follow(page, page.get_by_role("button", name="Show", exact=True))
    await expect(page.locator("main")).to_contain_text("2 of 4 persons")
    await page.get_by_role("button", name="Remove this step").nth(1).press("Enter")
    await expect(page.get_by_label("Exclusion 1: before step")).to_have_value("")
