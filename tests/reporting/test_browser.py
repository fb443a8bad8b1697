"""The report in a real browser: what a person sees and does."""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.reporting import histories

from danlu.core.history import History, empty
from danlu.core.prediction import Prediction
from danlu.reporting.html import write_report

pytestmark = pytest.mark.browser

BLUE = [0, 114, 178]  # the colour of the best trial

# How many separate runs of a colour a band of columns of the first chart has, top to bottom.
RUNS = """([share, colour]) => {
  const canvas = document.querySelector('#curves canvas');
  const { width, height } = canvas;
  const band = canvas.getContext('2d').getImageData(Math.round(width * share), 0, 24, height).data;
  const near = (i) => band[i + 3] > 140 && colour.every((c, k) => Math.abs(band[i + k] - c) < 24);
  let runs = 0, last = -99; // the pieces of a dashed line that falls lie a little apart
  for (let y = 0; y < height; y++) {
    let hit = false;
    for (let x = 0; x < 24; x++) hit ||= near((y * 24 + x) * 4);
    if (hit && y - last > 6) runs++;
    if (hit) last = y;
  }
  return runs;
}"""


class Visit:
    """A page and what went wrong on it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.troubles: list[str] = []
        page.on("console", lambda m: self.troubles.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: self.troubles.append(f"error: {e}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _dialog(self, dialog: Any) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.troubles.append(f"request: {request.url}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(
            executable_path=program, args=["--headless=new", "--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of a history; in the end nothing may have gone wrong on any page."""
    visits: list[Visit] = []

    def open_report(
        history: History,
        width: int = 1300,
        fragment: str = "",
        predictions: Sequence[Prediction] = (),
        **more: Any,
    ) -> Any:
        path = write_report(history, tmp_path / f"{len(visits)}.html", predictions)
        context = browser.new_context(viewport={"width": width, "height": 800}, **more)
        visits.append(Visit(context.new_page()))
        page = visits[-1].page
        page.goto(path.as_uri() + fragment)
        page.wait_for_selector("footer")
        if page.locator("#curves canvas").count():
            page.wait_for_selector("#curves .plot[data-drawn]")
        return page

    yield open_report
    troubles = [t for v in visits for t in v.troubles]
    for v in visits:
        v.page.context.close()
    assert troubles == []


def point_at(page: Any, share_x: float, share_y: float) -> None:
    box = page.locator("#curves canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * share_x, box["y"] + box["height"] * share_y)


def find_curve(page: Any) -> None:
    """Move down a column of the chart until a curve lights up."""
    for k in range(5, 95, 3):
        point_at(page, 0.5, k / 100)
        if page.locator("#tip").is_visible():
            return
    pytest.fail("no curve was found under the pointer")


@pytest.mark.parametrize(
    "history",
    [
        empty(histories.spec()),
        histories.single(),
        histories.only_failures(),
        histories.running(),
        histories.extreme(),
        histories.staged(),
    ],
    ids=["empty", "single", "failures", "running", "extreme", "staged"],
)
@pytest.mark.parametrize("width", [1300, 360])
def test_any_study_opens_without_an_error_or_a_sideways_scroll(
    visit: Open, history: History, width: int
) -> None:
    page = visit(history, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#trials tr.trial").count() == len(history.trials)


def test_training_and_validation_of_one_trial_are_both_drawn(visit: Open) -> None:
    both = histories.one_trial(("train_loss", "val_loss"))
    assert visit(both).evaluate(RUNS, [0.85, BLUE]) == 2
    alone = histories.one_trial(("val_loss",))
    assert visit(alone).evaluate(RUNS, [0.85, BLUE]) == 1


def test_another_metric_draws_another_pair(visit: Open) -> None:
    page = visit(histories.staged())
    before = page.locator("#curves .caption").first.inner_text()
    page.select_option("#metric", label="loss")
    after = page.locator("#curves .caption").first.inner_text()
    assert "val_accuracy" in before
    assert "val_loss" in after


def test_accuracies_near_one_can_be_spread_out(visit: Open) -> None:
    page = visit(histories.staged())
    before = page.locator("#curves .plot").get_attribute("data-drawn")
    page.get_by_role("button", name="log scale").click()
    assert page.locator("#curves .plot").get_attribute("data-drawn") != before
    assert page.get_by_role("button", name="log scale").get_attribute("aria-pressed") == "true"


def test_the_nearest_curve_lights_up_and_a_click_pins_it(visit: Open) -> None:
    page = visit(histories.staged(objective="min val_loss"))
    find_curve(page)
    words = page.locator("#tip").inner_text()
    assert re.search(r"Trial \d+ · epoch \d+", words)
    assert "val_loss" in words
    assert "gap" in words
    chips = page.locator("#curves .legend button")
    before = chips.count()
    page.mouse.down()
    page.mouse.up()
    assert chips.count() in (before, before + 1)
    page.mouse.move(5, 5)
    assert page.locator("#tip").is_hidden()


def test_a_link_to_a_trial_pins_it(visit: Open) -> None:
    page = visit(histories.staged(), fragment="#trial-9")
    assert "#9 · " in page.locator("#curves .legend").inner_text()


def test_the_keyboard_walks_along_curves_and_speaks(visit: Open) -> None:
    history = histories.staged()
    page = visit(history)
    page.locator("#curves canvas").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    best = history.best
    assert best is not None
    words = page.locator("#live").inner_text()
    assert words.startswith(f"Trial {best.number} · epoch {best.epoch - 1}: train_accuracy")


def test_hostile_names_are_only_text(visit: Open) -> None:
    page = visit(histories.hostile())
    page.locator("#trials tr.trial").last.click()
    assert "alert(1)" in page.locator("#trials .details").inner_text()
    page.select_option("#metric", index=1)
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1300


def test_failures_show_their_cause_and_log(visit: Open) -> None:
    page = visit(histories.only_failures())
    page.locator("#trials tr.trial").first.press("Enter")
    details = page.locator("#trials .details").inner_text()
    assert "exit status 1" in details
    assert "No module 'x'" in details
    assert "failed to start" in page.locator(".findings").inner_text()


def test_diverged_trials_are_counted_and_can_be_shown(visit: Open) -> None:
    history = histories.staged(objective="min val_loss")
    page = visit(history)
    count = sum(t.cause == "not finite" for t in history.trials.values())
    assert f"{count} diverged" in page.locator(".badge").inner_text()
    page.locator(".badge").click()
    assert page.get_by_role("button", name="fit all").get_attribute("aria-pressed") == "true"


def numbers(page: Any) -> list[int]:
    return [int(n) for n in page.locator("#trials tr.trial td:first-child").all_inner_texts()]


def test_the_table_begins_with_the_best_and_sorts_by_any_column(visit: Open) -> None:
    history = histories.staged()
    page = visit(history)
    best = history.best
    assert best is not None
    assert numbers(page)[0] == best.number
    page.get_by_role("button", name="lr", exact=True).click()
    rows = numbers(page)
    values = [float(str(history.trials[n].config["lr"])) for n in rows]
    assert values == sorted(values)
    page.get_by_role("button", name="momentum").click()
    assert "momentum" in history.trials[numbers(page)[0]].config
    assert "momentum" not in history.trials[numbers(page)[-1]].config


def test_the_filter_takes_words_and_comparisons(visit: Open) -> None:
    history = histories.staged()
    page = visit(history)
    page.fill("#filter", "sgd lr>1e-3")
    wanted = {
        t.number
        for t in history.trials.values()
        if t.config["optimizer"] == "sgd" and float(str(t.config["lr"])) > 1e-3
    }
    assert set(numbers(page)) == wanted
    page.fill("#filter", "")
    page.select_option("#state", "failed")
    assert set(numbers(page)) == {t.number for t in history.trials.values() if t.state == "failed"}


def test_dark_mode_follows_the_system_and_the_button(visit: Open) -> None:
    page = visit(histories.staged(), color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(20, 23, 26)"
    page.click("#theme")
    assert page.evaluate(colour) == "rgb(255, 255, 255)"


def test_the_best_config_can_be_had_as_toml_python_and_command(visit: Open) -> None:
    command = ("python", "train.py", "--lr", "{lr}")
    page = visit(histories.staged(command=command))
    assert page.locator("#snippet").inner_text().startswith("lr = ")
    page.get_by_role("button", name="Python").click()
    assert page.locator("#snippet").inner_text().startswith("{")
    page.get_by_role("button", name="Command").click()
    assert page.locator("#snippet").inner_text().startswith("python train.py --lr 0.")


def test_charts_have_a_table_twin(visit: Open) -> None:
    history = histories.staged()
    page = visit(history)
    page.locator("#curves summary").click()
    page.wait_for_selector("#curves details tbody tr")
    assert page.locator("#curves details tbody tr").count() == 30
    page.locator("#history summary").click()
    page.wait_for_selector("#history details tbody tr")
    assert page.locator("#history details tbody tr").count() == len(history.trials) - 1


def test_a_thousand_trials_are_drawn_within_seconds(visit: Open) -> None:
    page = visit(histories.large(1000, 100))
    assert page.locator("#curves .plot").get_attribute("data-curves") == "1000"
    assert page.evaluate("performance.now()") < 30_000  # one second on a machine of its own
    assert page.locator("#trials tr.trial").count() == 200
    page.get_by_role("button", name="Show the other 800").click()
    assert page.locator("#trials tr.trial").count() == 1000


def test_the_printed_page_is_light_and_holds_the_charts(visit: Open) -> None:
    page = visit(histories.staged(), color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    plots = page.locator(".plot").count()
    assert page.locator(".plot .copy").count() == plots > 5
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator(".plot .copy").count() == 0
    assert len(page.pdf()) > 30_000
    assert page.locator(".plot .copy").count() == 0


# How many pixels of each of some columns of the first chart are painted.
PAINTED = """(shares) => {
  const canvas = document.querySelector('#curves canvas');
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 30, width, height - 90);
  return shares.map((share) => {
    const x = Math.round(width * share);
    let painted = 0;
    for (let y = 0; y < height - 90; y++) painted += data[(y * width + x) * 4 + 3] > 12;
    return painted;
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_predicted_of_an_open_trial_is_drawn_as_a_fan_that_opens(
    visit: Open, scheme: str
) -> None:
    history, predictions = histories.promising()
    without = visit(history, color_scheme=scheme)
    assert without.locator("#curves .key i.fan").count() == 0
    page = visit(history, predictions=predictions, color_scheme=scheme)
    assert page.locator("#curves .key i.fan").count() == 1
    early, late = page.evaluate(PAINTED, [0.5, 0.9])
    bare = without.evaluate(PAINTED, [0.5, 0.9])
    assert late > early > bare[0] + 20, "the fan opens towards the end"
    assert bare[1] < late / 4, "nothing is drawn there without it"


def test_a_point_of_the_fan_tells_its_interval(visit: Open) -> None:
    history, predictions = histories.promising()
    page = visit(history, predictions=predictions)
    words = ""
    for k in range(5, 95, 2):
        point_at(page, 0.93, k / 100)
        words = page.locator("#tip").inner_text()
        if "Trial 1 · epoch 30" in words:
            break
    assert "predicted at epoch 30" in words
    assert "0.974, 0.968–0.981" in words
    page.locator("#curves canvas").first.press("ArrowRight")
    assert "predicted at epoch 30 0.974, 0.968–0.981" in page.locator("#live").inner_text()


def test_the_fan_is_on_the_objectives_chart_only(visit: Open) -> None:
    history, predictions = histories.promising()
    page = visit(history, predictions=predictions)
    page.locator("#metric").select_option(label="val_loss")
    assert page.locator("#curves .key i.fan").count() == 0


def test_trials_can_be_sorted_by_what_is_predicted(visit: Open) -> None:
    history, predictions = histories.promising()
    page = visit(history, predictions=predictions)
    page.locator("#trials th button", has_text="predicted").click()
    rows = page.locator("#trials tr.trial")
    order = [rows.nth(i).get_attribute("data-n") for i in range(3)]
    assert order == ["2", "1", "3"], "best first, those without a prediction last"
    assert "0.980, 0.940–0.990" in rows.first.inner_text()
    assert "predicted" not in visit(history).locator("#trials thead").inner_text()


def test_a_fan_beside_absurd_values_is_no_error(visit: Open) -> None:
    history, _ = histories.promising()
    absurd = [Prediction(1, 20, 0.0, -1e90, 1e90), Prediction(2, 30, 0.9, 0.9, 0.9)]
    page = visit(history, predictions=absurd)
    page.get_by_role("button", name="log scale").click()
    page.get_by_role("button", name="fit all").click()
    assert page.locator("#curves .plot").get_attribute("data-curves") == "3"
