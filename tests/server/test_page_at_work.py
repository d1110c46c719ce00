"""The page in a real browser over a shift: held, used by the keyboard alone, cut off, open for long."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from httpx import Client
from playwright.sync_api import Browser, Locator, Page, Route, expect

from server import test_page
from server.test_page import judge, needs_browser

browser, client, page = test_page.browser, test_page.client, test_page.page

LOOK = 800  # milliseconds, after which a photo in another's place can be labelled
TRAINING = {
    "folders": [],
    "learning": {
        "model": "lids",
        "folder": "lids",
        "state": "running",
        "activity": None,
        "done": 1,
        "total": 9,
        "told": [],
        "succession": None,
    },
}
PRESS_THE_BUTTON_AS_IT_COMES = """() => new MutationObserver((_, observer) => {
  if (!document.querySelector(".large")?.textContent.includes("second.png")) return;
  observer.disconnect();
  document.querySelector(".labelling .good").click();
}).observe(document.body, { childList: true, subtree: true })"""
REFUSED = {"error": {"code": "unknown_token", "message": "This token is of no use any more."}}


def label_button(page: Page, words: str) -> Locator:
    return page.get_by_role("button", name=words)


def label_of(client: Client, number: int) -> Any:
    return client.get(f"/api/verdicts/{number}").json()["label"]


def words_of(page: Page, expression: str) -> Any:
    """What the page's own words.js gives."""
    return page.evaluate(f"import('/words.js').then(({{ sayPercent, sayAtMost, sayDate }}) => {expression})")


@needs_browser
def test_a_photo_that_is_no_longer_shown_is_not_held(page: Page, client: Client, photo: bytes) -> None:
    page.goto("/")
    page.locator(".large").wait_for()
    expect(page.locator("#connection")).to_have_class("on")
    page.evaluate("globalThis.first = new WeakRef(document.querySelector('.large'))")
    for name in ("second.png", "third.png"):
        judge(client, photo, name=name)
        expect(page.locator(".large")).to_contain_text(name)
    browser_tools = page.context.new_cdp_session(page)
    for _ in range(50):  # what is being loaded is held for as long
        page.wait_for_timeout(100)
        browser_tools.send("HeapProfiler.collectGarbage")
        if gone := page.evaluate("globalThis.first.deref() === undefined"):
            break
    assert gone


@needs_browser
def test_what_is_said_of_a_photo_while_it_is_held_is_seen_and_can_be_taken_back(
    page: Page, client: Client, photo: bytes
) -> None:
    page.goto("/")
    expect(page.locator("#connection")).to_have_class("on")
    label_button(page, "Hold").click()
    for name in ("second.png", "third.png"):
        judge(client, photo, name=name)
    page.wait_for_timeout(500)
    bad = label_button(page, "Really bad")
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Type of defect").fill("scratch")
    with page.expect_response("**/label"):
        page.keyboard.press("Enter")
    page.wait_for_timeout(200)  # what is drawn between a press and its release takes the click away
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "false")
    assert label_of(client, 1) is None
    expect(page.locator(".large")).to_contain_text("first.png")
    expect(page.locator(".tile")).to_have_count(0)
    label_button(page, "Hold").click()
    expect(page.locator(".large")).to_contain_text("third.png")
    expect(page.locator(".tile")).to_have_count(2)


@needs_browser
def test_small_shares_and_what_is_left_of_all_are_said_and_promises_rounded_up(page: Page) -> None:
    page.route("**/what-if?*", promising(0.003323))
    page.goto("/#models")
    expect(page.get_by_text("promises to stop at most 0.34% of good photos")).to_be_visible()
    said = words_of(page, "[0, 0.0003, 0.0033, 0.05, 0.25, 0.976, 0.9997, 1].map(sayPercent)")
    assert said == ["0%", "0.03%", "0.33%", "5%", "25%", "97.6%", "99.97%", "100%"]
    said = words_of(page, "[0.0000101, 0.00332, 0.07, 0.2501, 0.9999].map(sayAtMost)")
    assert said == ["0.0011%", "0.34%", "7%", "26%", "99.99%"]


def promising(rate: float) -> Callable[[Route], None]:
    """Answers of a server whose thresholds promise this."""

    def answer(route: Route) -> None:
        found = route.fetch()
        route.fulfill(response=found, json=found.json() | {"false_alarms": rate})

    return answer


@needs_browser
def test_a_week_begins_on_its_monday_wherever_one_looks(browser: Browser, client: Client) -> None:
    client.put("/api/verdicts/1/label", json={"label": "bad"}).raise_for_status()
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday())
    context = browser.new_context(base_url=str(client.base_url), locale="en-US", timezone_id="America/Los_Angeles")
    page = context.new_page()
    page.goto("/#models")
    week = page.locator("section").last.locator("tbody td").first
    expect(week).to_have_text(f"{monday.month}/{monday.day}/{monday:%y}")
    context.close()


@needs_browser
def test_the_focus_stays_where_it_was_when_a_photo_is_labelled_or_another_comes(
    page: Page, client: Client, photo: bytes
) -> None:
    page.goto("/")
    expect(page.locator("#connection")).to_have_class("on")
    bad = label_button(page, "Really bad")
    bad.focus()
    page.keyboard.press("Enter")
    expect(bad).to_have_attribute("aria-pressed", "true")
    expect(bad).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("scratch")
    with page.expect_response("**/label"):
        page.keyboard.press("Enter")
    expect(page.locator(".labelling")).to_be_focused()
    assert Axe().run(page).violations_count == 0
    bad.focus()
    judge(client, photo, name="second.png")
    expect(page.locator(".large")).to_contain_text("second.png")
    expect(bad).to_be_focused()
    page.locator(".tile").focus()
    judge(client, photo, name="third.png")
    expect(page.locator(".large")).to_contain_text("third.png")
    expect(page.locator(".tile").last).to_be_focused()


@needs_browser
def test_a_button_that_has_kept_the_focus_labels_no_photo_that_has_just_come(
    page: Page, client: Client, photo: bytes
) -> None:
    page.goto("/")
    expect(page.locator("#connection")).to_have_class("on")
    page.evaluate(PRESS_THE_BUTTON_AS_IT_COMES)
    judge(client, photo, name="second.png")
    expect(page.locator("#notice")).to_contain_text("Press the key again")
    assert label_of(client, 2) is None
    page.wait_for_timeout(LOOK)
    label_button(page, "Really good").press("Enter")
    expect(label_button(page, "Really good")).to_have_attribute("aria-pressed", "true")
    assert label_of(client, 2) == "good"


@needs_browser
def test_after_labelling_a_photo_in_its_own_place_the_focus_is_there_still(page: Page) -> None:
    page.goto("/#photo/1")
    good = label_button(page, "Really good")
    good.focus()
    page.keyboard.press("Space")
    expect(good).to_have_attribute("aria-pressed", "true")
    expect(good).to_be_focused()


@needs_browser
def test_a_place_that_one_goes_to_has_the_focus_and_says_its_name(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_title("Live · Blemish")
    page.locator(".large").wait_for()
    expect(page.locator("body")).to_be_focused()  # nobody has gone anywhere
    page.get_by_role("link", name="History").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_title("History · Blemish")
    expect(page.locator("main .tile")).to_be_visible()
    expect(page.locator("main")).to_be_focused()
    page.locator(".tile").press("Enter")
    expect(page).to_have_title("Photo · Blemish")
    page.get_by_role("link", name="To the content").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page).to_have_url(re.compile("#photo/1$"))  # it leads to no other place


@needs_browser
def test_what_came_while_the_page_was_cut_off_is_shown_though_nothing_had_come_before(
    page: Page, client: Client, photo: bytes
) -> None:
    asked: list[str] = []

    def cut_off(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(content_type="text/event-stream", body=": live\n\n")
            return
        judge(client, photo, name="second.png")
        route.continue_()

    page.route(re.compile("/api/live"), cut_off)
    page.goto("/")
    expect(page.locator(".large")).to_contain_text("second.png")
    expect(page.locator(".counts")).to_contain_text("1 photos")
    assert len(asked) == 2


@needs_browser
def test_a_token_can_be_typed_where_a_training_was_shown_as_the_last_one_was_revoked(page: Page) -> None:
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=401, json=REFUSED)

    page.route("**/api/workshop", lambda route: route.fulfill(json=TRAINING))
    page.route("**/api/workshop/learning", refuse)
    page.goto("/#learn")
    token = page.get_by_label(re.compile("Token"))
    token.fill("half of it")
    page.wait_for_timeout(2500)
    expect(token).to_have_value("half of it")
    expect(token).to_be_focused()
    assert len(asked) == 1
