"""The page in a real browser: what people see and do, and that it can be used with a keyboard and a screen reader."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from httpx import Client
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from blemish.server import live_routes
from copies import copied
from server.conftest import OpenServer
from watching.line import darker

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
STATIC = Path(__file__).parents[2] / "src" / "blemish" / "server" / "static"
FOLDERS = {"keep_photos": "kept", "workshop": "workshop", "models_from": "trained"}
PLACES = ("live", "history", "figures", "models", "learn/lids", "audit", "photo/1")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PRESS_AS_IT_COMES = """() => new MutationObserver((_, observer) => {
  if (!document.querySelector(".large")?.textContent.includes("second.png")) return;
  observer.disconnect();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "g", bubbles: true }));
}).observe(document.body, { childList: true, subtree: true })"""

expect.set_options(timeout=20_000)  # milliseconds, on a busy machine too
needs_browser = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium to look at the page with")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def client(request: pytest.FixtureRequest, open_server: OpenServer, photo: bytes, tmp_path: Path) -> Client:
    """A server that has judged one photo with a defect, has a folder to learn of and one of models to be taken; who
    changes its model asks for an own one."""
    changes = "own_export" in request.fixturenames
    (tmp_path / "workshop" / "lids").mkdir(parents=True)
    (tmp_path / "workshop" / "lids" / "0.png").write_bytes(photo)
    folders = {name: tmp_path / place for name, place in FOLDERS.items()}
    folders["models_from"].mkdir(exist_ok=True)
    if changes:
        copied(request.getfixturevalue("stpm_run"), folders["models_from"] / "newer")
    own = request.getfixturevalue("own_export") if changes else None
    opened = open_server(own, keep="all", **folders).client
    judge(opened, photo)
    return opened


@pytest.fixture
def page(browser: Browser, client: Client) -> Iterator[Page]:
    """An open page of it, on which nothing may go wrong."""
    context = browser.new_context(base_url=str(client.base_url), locale="en-GB")
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda told: wrong.append(told.text) if told.type in ("error", "warning") else None)
    yield opened
    context.close()
    assert [words for words in wrong if "401" not in words] == []


def judge(client: Client, photo: bytes, name: str = "first.png") -> dict[str, Any]:
    answer = client.post("/api/models/part/judge", params={"name": name}, content=photo)
    answer.raise_for_status()
    return dict(answer.json())


@needs_browser
def test_a_verdict_appears_while_one_looks(page: Page, client: Client, photo: bytes) -> None:
    page.goto("/")
    expect(page.locator(".large")).to_contain_text("first.png")
    expect(page.locator("#connection")).to_have_class("on")
    judge(client, photo, name="second.png")
    expect(page.locator(".large")).to_contain_text("second.png")
    expect(page.locator(".tiles")).to_contain_text("first.png")
    expect(page.locator(".counts")).to_contain_text("1 photos")
    page.goto("/#history")
    expect(page.locator("#connection")).to_be_empty()  # nothing is live here


@needs_browser
def test_a_key_labels_the_photo_that_is_shown_and_the_history_finds_it_by_that(page: Page, client: Client) -> None:
    page.goto("/#photo/1")
    page.locator(".labelling").wait_for()
    page.keyboard.press("b")
    expect(page.locator("h1")).to_contain_text("Really bad")
    page.get_by_label("Type of defect").fill("scratch")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Really bad: scratch")
    told = client.get("/api/verdicts/1").json()
    assert (told["label"], told["defect_type"]) == ("bad", "scratch")
    page.goto("/#history")
    page.get_by_label("Label").select_option("good")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    page.get_by_label("Label").select_option("bad")
    expect(page.locator(".tile")).to_have_count(1)


@needs_browser
def test_what_has_moved_is_said_above_every_place_and_drawn_photos_that_wait_are_found(
    page: Page, client: Client, photo_files: list[bytes]
) -> None:
    for photo in photo_files[:10]:
        judge(client, darker(photo))
    page.goto("/")
    expect(page.locator("#moved")).to_contain_text("Photos have moved: part, station")
    page.locator("#moved a").first.click()
    expect(page.locator("h1")).to_contain_text("part")
    expect(page.locator("#moved")).to_contain_text("darker")
    page.goto("/#history/waiting")
    expect(page.get_by_label("Drawn by lot")).to_have_value("true")
    expect(page.get_by_label("Label")).to_have_value("none")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    page.get_by_label("Drawn by lot").select_option("")
    expect(page.locator(".tile")).to_have_count(11)


@needs_browser
def test_an_answer_that_comes_late_does_not_take_the_place_of_a_later_one(page: Page) -> None:
    late: list[Route] = []

    def hold(route: Route) -> None:
        late.append(route)

    page.route("**/api/verdicts?most=48", hold)  # the first question, which has no filter
    page.goto("/#history")
    page.get_by_label("Label").select_option("good")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    (first,) = late
    with contextlib.suppress(PlaywrightError):  # the page has given it up
        first.continue_()
    page.wait_for_timeout(200)
    expect(page.locator(".tile")).to_have_count(0)


@needs_browser
def test_a_photo_that_comes_while_one_types_waits(page: Page, client: Client, photo: bytes) -> None:
    page.goto("/")
    page.locator(".labelling").wait_for()
    page.keyboard.press("b")
    page.get_by_label("Type of defect").fill("scratch")
    judge(client, photo, name="second.png")
    page.wait_for_timeout(500)
    expect(page.locator(".large")).to_contain_text("first.png")
    with page.expect_response("**/label"):
        page.keyboard.press("Enter")
    expect(page.locator(".large")).to_contain_text("second.png")
    assert client.get("/api/verdicts/1").json()["defect_type"] == "scratch"
    assert client.get("/api/verdicts/2").json()["label"] is None


@needs_browser
def test_a_key_labels_no_photo_that_has_just_come(page: Page, client: Client, photo: bytes) -> None:
    page.goto("/")
    expect(page.locator("#connection")).to_have_class("on")
    page.evaluate(PRESS_AS_IT_COMES)
    judge(client, photo, name="second.png")
    expect(page.locator("#notice")).to_contain_text("Press the key again")
    assert client.get("/api/verdicts/2").json()["label"] is None
    page.wait_for_timeout(800)
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="Really good")).to_have_attribute("aria-pressed", "true")
    assert client.get("/api/verdicts/2").json()["label"] == "good"


@needs_browser
@pytest.mark.usefixtures("own_export")
def test_another_threshold_shows_what_it_would_have_done_and_can_be_set(page: Page, client: Client) -> None:
    page.goto("/#models")
    rate = page.get_by_label("Good photos that may be stopped")
    rate.fill("33")
    expect(page.get_by_role("status").filter(has_text="would be stopped")).to_be_visible()
    expect(rate).to_have_value("33")  # that of a threshold that nobody supposed does not take its place
    expect(page.get_by_label("Another model")).to_have_text(re.compile("^newer "))
    slider = page.get_by_label("Threshold", exact=True)
    slider.fill("0")
    expect(page.get_by_role("status").filter(has_text="would be stopped")).to_contain_text("At 0, 1 of 1 photos")
    rate.fill("40")
    with page.expect_response("**/thresholds"):
        page.get_by_role("button", name="Set").click()
    assert client.get("/api/models/part").json()["threshold"]["asked_rate"] == 0.4
    page.goto("/#audit")
    expect(page.locator("tbody tr")).to_contain_text(["local"])


@needs_browser
def test_a_region_is_drawn_with_the_keyboard_alone(page: Page, client: Client) -> None:
    page.goto("/#learn/lids")
    page.get_by_role("application").focus()
    for key in ("Enter", "ArrowRight", "Enter", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.get_by_label("Name of the region").fill("rim")
    with page.expect_response("**/regions"):
        page.get_by_role("button", name="This counts").press("Enter")
    expect(page.get_by_text("rim (counts)")).to_be_visible()
    (region,) = client.get("/api/workshop/lids/regions").json()["regions"]
    assert (region["name"], len(region["polygon"])) == ("rim", 3)


@needs_browser
def test_without_a_token_the_page_asks_for_one(page: Page, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    token = client.put("/api/users/anna", json={"role": "engineer"}).json()["token"]
    page.goto("/")
    page.get_by_label(re.compile("Token")).fill(token)
    page.keyboard.press("Enter")
    expect(page.locator(".large")).to_be_visible()
    monkeypatch.setattr(live_routes, "_SILENCE", 1)
    eva = client.put("/api/users/eva", json={"role": "engineer"}, headers={"Authorization": f"Bearer {token}"}).json()
    client.delete("/api/users/anna", headers={"Authorization": f"Bearer {eva['token']}"})
    expect(page.get_by_label(re.compile("Token"))).to_be_visible(timeout=20_000)  # the news have ended


@needs_browser
def test_labels_that_are_pressed_one_after_the_other_are_said_in_that_order(page: Page, client: Client) -> None:
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        route.continue_() if held else held.append(route)

    page.route("**/label", hold_the_first)
    page.goto("/#photo/1")
    page.locator(".labelling").wait_for()
    page.keyboard.press("b")
    page.keyboard.press("g")
    page.wait_for_timeout(300)
    held[0].continue_()
    expect(page.locator("h1")).to_contain_text("Really good")
    page.wait_for_timeout(100)
    assert client.get("/api/verdicts/1").json()["label"] == "good"


@needs_browser
def test_which_level_fired_is_computed_when_it_is_asked_for(page: Page) -> None:
    page.goto("/#photo/1")
    page.get_by_text("Which level fired").click()
    expect(page.locator("tr.strongest")).to_have_count(1, timeout=20_000)
    expect(page.locator("details tbody tr")).to_have_count(3)
    expect(page.get_by_alt_text(re.compile("The photo, its anomaly map"))).to_have_js_property("complete", True)
    assert Axe().run(page).violations_count == 0


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_place_passes_the_check_of_accessibility_and_fits_a_phone(
    browser: Browser, client: Client, scheme: Any
) -> None:
    context = browser.new_context(
        base_url=str(client.base_url), color_scheme=scheme, viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    for place in PLACES:
        page.goto(f"/#{place}")
        page.locator("main > *").first.wait_for()
        page.wait_for_load_state("networkidle") if place == "photo/1" else page.wait_for_timeout(150)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{place}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, place
    context.close()


def test_every_language_says_all_that_the_page_asks_for() -> None:
    catalogues = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (STATIC / "words").glob("*.json")}
    assert set(catalogues) == {"en", "de"}
    keys = {name: set(words) for name, words in catalogues.items()}
    assert keys["en"] == keys["de"]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))
    asked = set(re.findall(r'say\("([\w.]+)"', texts))
    assert asked <= keys["en"]
    places = {
        name: {key: sorted(re.findall(r"\{(\w+)\}", words)) for key, words in one.items()}
        for name, one in catalogues.items()
    }
    assert places["en"] == places["de"]
