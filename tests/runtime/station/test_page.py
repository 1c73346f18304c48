"""The page in a real Chromium: looked at, dragged, frozen, steered; and told the truth about a worker or a stream that died."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from edgeenh.bundle import Bundle
from edgeenh.config.tables import Model

from .conftest import TOKEN, Running, Start, begin, make_token
from .test_looking import unpack

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 120_000
"""For things that must happen; nothing here asserts how fast."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def contained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests here, the last of which end it: a real worker process, and bundles, of which one alone can be used."""
    folder = tmp_path_factory.mktemp("station")
    shutil.copy(Bundle.shipped().path, folder / "again.edgeenh")
    shutil.copy(Bundle.shipped("xray-n").path, folder / "grey.edgeenh")
    (folder / "broken.edgeenh").write_bytes(b"no bundle")
    names = tuple(str(folder / name) for name in ("again.edgeenh", "broken.edgeenh", "grey.edgeenh", "gone.edgeenh"))
    model = Model(threads=1, backend="onnxruntime", precision="fp32")
    with ExitStack() as stack:
        yield begin(stack, model, ("synthetic:160x120@4", "synthetic:96x64@4"), bundles=names, token=make_token(folder))


@pytest.fixture
def page(browser: Any, contained: Running) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda line: problems.append(line.text) if "Content Security" in line.text else None)
    requests: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(f"http://127.0.0.1:{contained.port}/")
    opened.wait_for_selector('#viewer[data-state="live"]')
    yield opened
    assert problems == []
    assert all(url.startswith((f"http://127.0.0.1:{contained.port}/", "blob:", "data:")) for url in requests)
    context.close()


def badge_says(page: Any, text: str) -> None:
    page.wait_for_function("text => document.getElementById('badge').textContent.includes(text)", arg=text)


def test_the_divider_follows_the_pointer_and_the_keys(page: Any) -> None:
    box = page.locator("#viewer").bounding_box()
    handle = page.locator("#divider").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    assert abs(int(page.get_attribute("#divider", "aria-valuenow")) - 25) <= 1
    page.focus("#divider")
    page.keyboard.press("End")
    assert page.get_attribute("#divider", "aria-valuenow") == "100"
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#divider", "aria-valuenow") == "98"


def test_zoom_by_button_wheel_and_key(page: Any) -> None:
    page.click("#zoom-in")
    assert page.inner_text("#zoom") == "150 %"
    page.keyboard.press("+")
    assert page.inner_text("#zoom") == "225 %", "a button that has the focus takes the space bar alone"
    page.keyboard.press("0")
    assert page.inner_text("#zoom") == "100 %"
    page.hover("#canvas", position={"x": 100, "y": 300})
    page.mouse.wheel(0, -100)
    page.wait_for_function("() => document.getElementById('zoom').textContent === '125 %'")


def test_arrows_move_an_enlarged_picture_and_not_one_that_is_seen_whole(page: Any) -> None:
    page.keyboard.press(" ")
    badge_says(page, "FROZEN")
    drawn = "document.getElementById('canvas').toDataURL()"
    whole = page.evaluate(drawn)
    page.keyboard.press("ArrowDown")
    assert page.evaluate(drawn) == whole
    page.keyboard.press("+")
    enlarged = page.evaluate(drawn)
    page.keyboard.press("ArrowDown")
    moved = page.evaluate(drawn)
    assert moved not in (whole, enlarged)
    page.keyboard.press("ArrowUp")
    assert page.evaluate(drawn) == enlarged
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    edge = page.evaluate(drawn)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(drawn) == edge
    page.focus("#divider")
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#divider", "aria-valuenow") == "48"


def test_a_station_that_refuses_is_not_said_to_be_gone(page: Any) -> None:
    refused = {
        "status": 503,
        "content_type": "application/json",
        "body": '{"error": "there are enough watchers", "code": "busy"}',
    }
    page.route("**/v1/frame*", lambda route: route.fulfill(**refused))
    page.wait_for_selector('#viewer[data-state="dead"]')
    page.wait_for_function("() => document.getElementById('dead-why').textContent === 'there are enough watchers'")
    assert page.inner_text("#connection") == "refused"
    page.unroute("**/v1/frame*")
    page.wait_for_selector('#viewer[data-state="live"]')


def test_a_frozen_picture_says_that_it_is_frozen(page: Any, contained: Running) -> None:
    page.keyboard.press(" ")
    badge_says(page, "FROZEN, not live")
    assert page.get_attribute("#viewer", "data-state") == "frozen"
    first = page.evaluate("document.getElementById('canvas').toDataURL()")
    number = 0
    for _ in range(3):  # meanwhile frames go on
        while (reply := contained.ask("GET", f"/v1/frame?after={number}")).status == 204:
            pass
        number = unpack(reply.body)[0]["number"]
    assert page.evaluate("document.getElementById('canvas').toDataURL()") == first
    assert "frozen" in page.inner_text("#frame-facts")
    assert "old" not in page.inner_text("#frame-facts")
    page.click("#freeze")
    page.wait_for_selector('#viewer[data-state="live"]')


def test_strength_and_bundle_are_changed_with_the_token_alone(page: Any, contained: Running) -> None:
    assert page.is_disabled("#strength")
    unlock(page, "a-wrong-token-9876543210")
    page.wait_for_function("() => document.getElementById('change-note').textContent.includes('token is wrong')")
    assert page.is_disabled("#strength")
    assert page.evaluate("sessionStorage.getItem('edgeenh.token')") is None
    assert contained.station.model.main.strength == 1.0
    unlock(page, TOKEN)
    page.wait_for_selector("#strength:not([disabled])")
    page.focus("#strength")
    holds = (
        "asked => fetch('/v1/info').then(answer => answer.json()).then(info => Math.abs(info.strength - asked) < 1e-6)"
    )
    for strength in (0.95, 0.9):  # the slider cannot be moved meanwhile, and has the focus again afterwards
        page.keyboard.press("ArrowLeft")
        page.wait_for_function(holds, arg=strength)
        page.wait_for_function("() => document.activeElement.matches('#strength:not([disabled])')")
    slide(page, 0.5)
    page.wait_for_function("() => document.getElementById('change-note').textContent === 'done'")
    assert contained.station.model.main.strength == 0.5

    before = contained.station.model.bundle
    assert page.inner_text("#model-value") == contained.station.model.name
    assert page.input_value("#bundle") == "", "a name in the list looks like the model that is in use"
    assert page.is_disabled("#swap")
    for name, why in (
        ("broken", "expected an edgeenh bundle"),
        ("grey", "expected .* for RGB"),
        ("gone", "no bundle at gone"),
    ):
        page.wait_for_selector("#bundle:not([disabled])")
        page.select_option("#bundle", f"{name}.edgeenh")
        page.click("#swap")
        page.wait_for_function(
            "why => document.getElementById('change-note').textContent.match(`^refused:.*${why}`)", arg=why
        )
        badge_says(page, "ENHANCED")  # the present one goes on
        assert contained.station.model.bundle is before
    page.wait_for_selector("#bundle:not([disabled])")
    page.select_option("#bundle", "again.edgeenh")
    page.click("#swap")
    page.wait_for_function("() => document.getElementById('change-note').textContent === 'done'")
    assert page.input_value("#bundle") == ""
    page.wait_for_selector("#events li[data-kind='bundle_chosen'], #events li[data-kind='swapped']")
    badge_says(page, "ENHANCED")


def test_the_token_is_entered_with_the_keyboard_alone(page: Any) -> None:
    page.wait_for_function("() => document.getElementById('login').textContent === 'Unlock'")
    page.focus("#login")
    page.keyboard.press("Enter")
    page.keyboard.type(TOKEN)
    page.keyboard.press("Escape")
    assert page.evaluate("sessionStorage.getItem('edgeenh.token')") is None, "Escape takes nothing"
    page.focus("#login")
    page.keyboard.press("Enter")
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector("#strength:not([disabled])")
    assert page.evaluate("document.body.textContent").find(TOKEN) < 0
    page.click("#login")  # Lock
    page.wait_for_selector("#strength[disabled]")
    page.click("#login")
    page.fill("#token", TOKEN)
    page.click("#token-cancel")
    assert page.evaluate("sessionStorage.getItem('edgeenh.token')") is None


def test_the_camera_is_chosen_and_the_picture_is_of_that_one(page: Any) -> None:
    facts = "text => document.getElementById('frame-facts').textContent.startsWith(text)"
    page.wait_for_function(facts, arg="160×120")
    page.select_option("#stream", "synthetic-96x64-4")
    page.wait_for_function(facts, arg="96×64")
    page.wait_for_selector('#viewer[data-state="live"]')
    page.wait_for_function("() => document.querySelectorAll('#accounting tr').length > 2")


def test_a_browser_that_slept_paints_nothing_old_as_live_when_it_wakes(
    page: Any, browser: Any, contained: Running
) -> None:
    """The processes of the page are stopped while the station goes on, as when the computer sleeps."""
    page.evaluate(
        """() => {
            window.painted = [];
            const badge = document.getElementById("badge"), viewer = document.getElementById("viewer");
            let arrived = Date.now();
            viewer.addEventListener("painted", () => (arrived = Date.now()));
            const record = () => {
                window.painted.push([viewer.dataset.state, Date.now() - arrived, badge.className]);
                requestAnimationFrame(record);
            };
            requestAnimationFrame(record);
        }"""
    )
    page.wait_for_function("() => window.painted.length > 3")
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = [one["id"] for one in processes if one["type"] == "renderer"]
    assert renderers
    for pid in renderers:
        os.kill(pid, signal.SIGSTOP)
    try:
        number = 0
        for _ in range(9):  # more than two seconds of the station's
            while (reply := contained.ask("GET", f"/v1/frame?after={number}")).status == 204:
                pass
            number = unpack(reply.body)[0]["number"]
    finally:
        for pid in renderers:
            os.kill(pid, signal.SIGCONT)
    page.wait_for_selector('#viewer[data-state="live"]')
    painted = page.evaluate("window.painted")
    assert max(old for _, old, _ in painted) > 1500, "it did not sleep"
    assert [one for one in painted if one[0] == "live" and one[1] > 1500 and one[2] != "late"] == []
    badge_says(page, "ENHANCED")


def test_a_page_that_the_browser_freezes_gives_its_picture_away_before(page: Any) -> None:
    page.evaluate("document.dispatchEvent(new Event('freeze'))")
    seen = page.evaluate(
        """() => { document.dispatchEvent(new Event("freeze"));
        return [document.getElementById("viewer").dataset.state, document.getElementById("frame-facts").textContent,
        getComputedStyle(document.getElementById("canvas")).visibility] }"""
    )
    assert seen == ["dead", "", "hidden"]
    page.wait_for_selector('#viewer[data-state="live"]')


def test_without_a_network_nothing_is_shown_as_live_and_it_comes_back_by_itself(page: Any) -> None:
    page.wait_for_function("() => document.querySelectorAll('#facts dd').length > 2")
    page.context.set_offline(True)
    page.wait_for_selector('#viewer[data-state="dead"]')
    page.wait_for_function("() => document.getElementById('connection').textContent === 'no connection'")
    page.wait_for_function("() => document.getElementById('why').textContent.includes('does not answer')")
    assert "stale" in page.get_attribute("#facts", "class")
    assert page.inner_text("#frame-facts") == ""
    page.context.set_offline(False)
    page.wait_for_selector('#viewer[data-state="live"]')
    page.wait_for_function("() => !document.getElementById('facts').classList.contains('stale')")


def test_hours_of_sleep_count_although_the_monotonic_clock_stood_still(page: Any) -> None:
    """Both halves by themselves: a picture that is on the screen, and an answer that was on the way."""
    states = page.evaluate(
        """async () => {
            const { Viewer } = await import("/page/viewer.js");
            const root = document.getElementById("viewer").cloneNode(true);
            const picture = () => createImageBitmap(new ImageData(8, 8));
            const viewer = new Viewer(root);
            viewer.show({ head: { status: "ENHANCED" }, before: await picture(), after: await picture(), age: 1 });
            const awake = root.dataset.state, now = Date.now;
            Date.now = () => now() + 3_600_000;
            viewer.check();
            Date.now = now;
            return [awake, root.dataset.state];
        }"""
    )
    assert states == ["live", "dead"]
    age = page.evaluate(
        """async () => {
            const { frames } = await import("/page/frames.js");
            const fetched = window.fetch, now = Date.now, stop = new AbortController();
            window.fetch = async (...asked) => {
                const answer = await fetched(...asked);
                Date.now = () => now() + 3_600_000;
                return answer;
            };
            for await (const frame of frames("synthetic-160x120-4", stop.signal)) {
                window.fetch = fetched;
                Date.now = now;
                if (frame.head) return frame.age;
            }
        }"""
    )
    assert age > 3_600_000


def test_a_picture_grows_old_before_the_eyes_where_the_way_is_slow(page: Any) -> None:
    """Frames that come seldom may be shown for long: then how old they are is said as it grows, whatever it was when they came."""
    said = page.evaluate(
        """async () => {
            const { Viewer } = await import("/page/viewer.js");
            const root = document.getElementById("viewer").cloneNode(true);
            const picture = () => createImageBitmap(new ImageData(8, 8));
            const viewer = new Viewer(root), now = Date.now, said = [];
            for (const [period_ms, later] of [[40, 1500], [40, 2600], [null, 1500], [2000, 1500], [2000, 3600]]) {
                const head = { status: "ENHANCED", period_ms };
                viewer.show({ head, before: await picture(), after: await picture(), age: 300 });
                viewer.period = 1000; // as on a way that takes one frame in a second
                Date.now = () => now() + later;
                viewer.check();
                Date.now = now;
                const badge = root.querySelector("#badge");
                said.push([root.dataset.state, badge.className, badge.textContent]);
            }
            return said;
        }"""
    )
    two, three, four = (["live", "late", f"LATE {n} s · ENHANCED"] for n in (2, 3, 4))
    assert said == [two, three, two, ["live", "enhanced", "ENHANCED"], four]


def test_where_looking_needs_the_token_a_wrong_one_is_told_and_another_can_be_given(browser: Any, start: Start) -> None:
    running = start(protect="all")
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"http://127.0.0.1:{running.port}/")
    unlock(page, "a-wrong-token-9876543210")
    page.wait_for_function("() => document.getElementById('change-note').textContent.includes('token is wrong')")
    unlock(page, TOKEN)
    page.wait_for_function("() => document.getElementById('connection').textContent === 'connected'")
    assert "no stream" in page.inner_text("#dead-why")
    context.close()


@pytest.mark.parametrize(("width", "height"), [(844, 390), (667, 375), (390, 844)])
def test_on_a_phone_the_picture_is_as_wide_as_the_screen(page: Any, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function("width => document.getElementById('viewer').clientWidth >= 0.95 * width", arg=width)


def unlock(page: Any, token: str) -> None:
    page.wait_for_function(
        "() => document.getElementById('login').textContent === 'Unlock' && !document.getElementById('login').hidden"
    )
    page.click("#login")
    page.fill("#token", token)
    page.click("#token-dialog button[value=ok]")


def slide(page: Any, value: float) -> None:
    page.evaluate(
        """value => { const slider = document.getElementById('strength'); slider.value = value;
        slider.dispatchEvent(new Event('input')); slider.dispatchEvent(new Event('change')); }""",
        value,
    )


@pytest.mark.parametrize("width", [320, 360, 390, 1280])
def test_nothing_is_wider_than_the_screen(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    # the chart follows the screen when the browser says that it changed, a moment later
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)


def test_enhanced_and_when_the_worker_is_killed_the_badge_changes_and_comes_back(page: Any, contained: Running) -> None:
    badge_says(page, "ENHANCED")
    pid = contained.station.model.main.worker_pid
    assert pid
    page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => window.seen.push(document.getElementById('badge').textContent))
        .observe(document.getElementById('badge'), {childList: true, characterData: true, subtree: true}); }"""
    )
    os.kill(pid, signal.SIGKILL)
    page.wait_for_function("() => window.seen.some(text => text.includes('PASSTHROUGH'))")
    page.wait_for_function("() => window.seen.length && window.seen.at(-1).includes('ENHANCED')")
    page.wait_for_selector("#events li.bad")


def test_a_dead_stream_and_then_a_station_that_is_gone_are_never_shown_as_live(page: Any, contained: Running) -> None:
    contained.station.lanes.group.stop()
    page.wait_for_selector('#viewer[data-state="dead"]')
    assert page.is_hidden("#canvas")
    assert page.is_hidden("#badge")
    assert "NO LIVE PICTURE" in page.inner_text("#dead")
    contained.server.close()
    page.wait_for_function("() => document.getElementById('connection').textContent === 'no connection'")
    page.wait_for_function("() => document.getElementById('dead-why').textContent.includes('does not answer')")
    assert page.is_hidden("#canvas")
