"""The report in a real browser: what a person sees and does."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.reporting import histories
from tests.reporting.conftest import PAGES, Open, go

from danlu.core.event import Diagnosed, Noted
from danlu.core.finding import Finding
from danlu.core.history import History, empty
from danlu.core.logbook import Entry
from danlu.core.prediction import Prediction
from danlu.core.sentence import say

pytestmark = pytest.mark.browser

BLUE = [17, 85, 153]  # the colour of the best trial

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


def point_at(page: Any, share_x: float, share_y: float) -> None:
    box = page.locator("#curves canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * share_x, box["y"] + box["height"] * share_y)


def find_curve(page: Any) -> None:
    """Move down a column of the chart until a curve lights up."""
    for k in range(5, 95, 3):
        point_at(page, 0.5, k / 100)
        if page.locator(".tip").count():
            return
    pytest.fail("no curve was found under the pointer")


ALL = [
    empty(histories.spec()),
    histories.single(),
    histories.only_failures(),
    histories.running(),
    histories.extreme(),
    histories.staged(),
    histories.hostile(),
]
NAMES = ["empty", "single", "failures", "running", "extreme", "staged", "hostile"]


@pytest.mark.parametrize("history", ALL, ids=NAMES)
@pytest.mark.parametrize("width", [1300, 360])
def test_any_page_of_any_study_opens_without_an_error_or_a_sideways_scroll(
    visit: Open, history: History, width: int
) -> None:
    page = visit(history, width)
    for name in PAGES:
        go(page, name)
        page.wait_for_selector("main .card")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    for number in history.trials:
        go(page, f"trials/{number}")
        assert f"Trial {number}" in page.locator("main h2").first.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        break


def test_training_and_validation_of_one_trial_are_both_drawn(visit: Open) -> None:
    both = histories.one_trial(("train_loss", "val_loss"))
    assert visit(both).evaluate(RUNS, [0.85, BLUE]) == 2
    alone = histories.one_trial(("val_loss",))
    assert visit(alone).evaluate(RUNS, [0.85, BLUE]) == 1


def test_another_metric_draws_another_pair_and_stands_in_the_address(visit: Open) -> None:
    page = visit(histories.staged())
    before = page.locator("#curves .caption").first.inner_text()
    page.select_option("#metric", label="loss")
    after = page.locator("#curves .caption").first.inner_text()
    assert "val_accuracy" in before
    assert "val_loss" in after
    assert "metric=loss" in page.url


def test_accuracies_near_one_can_be_spread_out(visit: Open) -> None:
    page = visit(histories.staged())
    button = page.locator("#curves").get_by_role("button", name="log")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert "distance to 1" in page.locator("#curves .caption").inner_text()


def test_the_nearest_curve_lights_up_and_a_click_pins_it(visit: Open) -> None:
    page = visit(histories.staged(objective="min val_loss"))
    find_curve(page)
    words = page.locator(".tip").inner_text()
    number = re.search(r"Trial (\d+) · epoch \d+", words)
    assert number is not None
    assert "val_loss" in words
    assert "gap" in words
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("location.hash.includes('pin=')")
    assert f"pin={number[1]}" in page.url
    chip = page.locator("#curves .legend button", has_text=f"#{number[1]} ")
    assert chip.get_attribute("aria-pressed") == "true"
    page.mouse.move(5, 5)
    assert page.locator(".tip").count() == 0


def test_an_old_link_to_a_trial_opens_it(visit: Open) -> None:
    page = visit(histories.staged(), fragment="#trial-9")
    assert page.locator("main h2").first.inner_text() == "Trial 9"


def test_the_keyboard_walks_along_curves_and_speaks(visit: Open) -> None:
    history = histories.staged()
    page = visit(history)
    page.locator("#curves canvas").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    words = page.locator("#live").inner_text()
    assert re.match(r"Trial \d+ · epoch \d+: train_accuracy", words)


def test_failures_show_their_cause_and_log_grouped(visit: Open) -> None:
    page = visit(histories.only_failures())
    words = page.locator(".diagnosis").inner_text()
    assert "3 of 3 trials failed for one cause" in words
    assert "exit status 1" in words
    assert "No module 'x'" in page.locator(".failures").inner_text(), "the log is open: all failed"


def test_diverged_trials_are_counted_and_can_be_shown(visit: Open) -> None:
    history = histories.staged(objective="min val_loss")
    page = visit(history)
    count = sum(t.cause == "not finite" for t in history.trials.values())
    assert f"{count} diverged" in page.locator(".badge").inner_text()
    page.locator(".badge").click()
    assert page.get_by_role("button", name="fit all").get_attribute("aria-pressed") == "true"


def numbers(page: Any) -> list[int]:
    """Numbers of the trials in the table, from the top."""
    cells = page.locator("table.trials tr.trial td:nth-child(2)")
    return [int(n) for n in cells.all_inner_texts()]


def test_the_table_begins_with_the_best_and_sorts_by_any_column(visit: Open) -> None:
    history = histories.staged()
    page = visit(history)
    go(page, "trials")
    best = history.ranked[0]
    assert numbers(page)[0] == best.number
    page.get_by_role("button", name="lr", exact=True).click()
    values = [float(str(history.trials[n].config["lr"])) for n in numbers(page)]
    assert values == sorted(values)
    page.get_by_role("button", name="momentum").click()
    assert "momentum" in history.trials[numbers(page)[0]].config
    assert "momentum" not in history.trials[numbers(page)[-1]].config


def test_trials_on_part_of_the_data_are_told_from_the_others(visit: Open) -> None:
    history = histories.staged()
    part = {t.number for t in history.trials.values() if not t.proxy.full}
    page = visit(history)
    card = page.locator("main .card[aria-label='Best so far']")
    assert 0 < card.locator("circle.part").count() <= len(part)
    assert "trained on part of the data" in card.locator(".caption").inner_text()
    go(page, "trials")
    rows = page.locator("tr.trial:has(:text-is('50% of the data')) td:nth-child(2)")
    assert {int(n) for n in rows.all_inner_texts()} == part


def fast_sgd(t: Any) -> bool:
    return bool(t.config["optimizer"] == "sgd" and t.config["lr"] > 1e-3)


def middling(t: Any) -> bool:
    return t.state != "failed" and t.config["layers"] in (2, 3)


def test_of_several_objectives_the_pareto_set_is_ringed_and_a_column(visit: Open) -> None:
    history = histories.several()
    front = {t.number for t in history.pareto}
    assert 1 < len(front) < len(history.trials)
    page = visit(history)
    card = page.locator("main .card[aria-label='Several objectives']")
    assert card.locator("circle.front").count() == len(front)
    assert f"{len(front)} trials that no other one beats" in card.inner_text()
    card.locator("select:not(.save)").select_option(label="latency_ms")
    assert "latency_ms" in card.locator("svg.chart").first.text_content()
    go(page, "trials")
    heads = page.locator("table.trials th").all_inner_texts()
    assert {"Pareto set", "params", "latency_ms"} <= {head.strip() for head in heads}
    inside = page.locator("tr.trial:has(:text-is('yes')) td:nth-child(2)").all_inner_texts()
    assert {int(n) for n in inside} == front


FILTERS: list[tuple[str, Callable[[Any], bool]]] = [
    ("optimizer == sgd and lr > 1e-3", fast_sgd),
    ("sgd lr>1e-3", fast_sgd),
    ("state == failed", lambda t: t.state == "failed"),
    ("not state == failed and (layers = 2 or layers = 3)", middling),
    ('stage ~ "conf"', lambda t: t.stage == "confirm"),
    ("epoch >= 30", lambda t: t.epoch >= 30),
    ("no_such_thing > 1", lambda t: False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), FILTERS, ids=[text for text, _ in FILTERS])
def test_the_filter_reads_expressions(
    visit: Open, text: str, wanted: Callable[[Any], bool]
) -> None:
    history = histories.staged()
    page = visit(history)
    go(page, "trials")
    page.fill("#filter", text)
    assert set(numbers(page)) == {t.number for t in history.trials.values() if wanted(t)}


@pytest.mark.parametrize("text", ["lr >", "(lr > 1", "lr > > 2", ")", "lr > (", "and"])
def test_a_filter_that_cannot_be_read_says_where_and_shows_an_example(
    visit: Open, text: str
) -> None:
    page = visit(histories.staged())
    go(page, "trials")
    page.fill("#filter", text)
    if text != "and":
        assert "cannot be read" in page.locator(".problem").inner_text()


def test_dark_mode_follows_the_system_and_the_button(visit: Open) -> None:
    page = visit(histories.staged(), color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(20, 23, 26)"
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(colour) == "rgb(255, 255, 255)"


def test_the_best_config_can_be_had_as_command_toml_and_python(visit: Open) -> None:
    command = ("python", "train.py", "--lr", "{lr}")
    page = visit(histories.staged(command=command))
    snippet = page.locator("#best .snippet")
    assert snippet.inner_text().startswith("python train.py --lr 0.")
    page.get_by_role("button", name="TOML").click()
    assert snippet.inner_text().startswith("lr = ")
    page.get_by_role("button", name="Python").click()
    assert snippet.inner_text().startswith("{")


TITLES = "cards => cards.map(card => card.querySelector('h2').textContent)"
CHARTS = "main .card:has(canvas), main .card:has(svg.chart)"


def test_every_chart_has_a_table_twin(visit: Open) -> None:
    page = visit(histories.staged())
    for name in ("overview", "curves", "parameters", "stages", "trials/9"):
        go(page, name)
        titles = page.locator(CHARTS).evaluate_all(TITLES)
        assert titles
        for title in titles:
            twin = page.locator(f'main .card[aria-label="{title}"] > details').last
            twin.locator("> summary", has_text="As a table").click()
            twin.locator("tbody tr").first.wait_for()


def test_what_is_shown_can_be_saved_as_picture_csv_and_json(visit: Open, tmp_path: Path) -> None:
    page = visit(histories.staged())
    beginnings = {"png": b"\x89PNG", "csv": b"trial,epoch,train_accuracy,val", "json": b"["}
    for kind, begins in beginnings.items():
        with page.expect_download() as waiting:
            page.locator("#curves select.save").select_option(kind)
        path = tmp_path / f"saved.{kind}"
        waiting.value.save_as(path)
        assert path.read_bytes().startswith(begins)
        assert waiting.value.suggested_filename == f"digits-learning-curves.{kind}"


def test_the_files_hold_exactly_what_is_shown(visit: Open, tmp_path: Path) -> None:
    history = histories.staged()
    page = visit(history)
    go(page, "curves")
    page.locator("input.filter").fill("optimizer == sgd")
    page.locator("#curves details summary").last.click()
    twin = page.locator("#curves details tbody tr").first.locator("td").all_inner_texts()
    with page.expect_download() as waiting:
        page.locator("#curves select.save").select_option("json")
    waiting.value.save_as(tmp_path / "curves.json")
    rows = json.loads((tmp_path / "curves.json").read_text("utf-8"))
    wanted = {t.number for t in history.trials.values() if t.config["optimizer"] == "sgd"}
    assert {row["trial"] for row in rows} == {n for n in wanted if history.trials[n].reports}
    assert [str(rows[0]["trial"]), str(rows[0]["epoch"])] == twin[:2]
    for row in rows:
        reported = dict(history.trials[row["trial"]].curve("val_accuracy"))
        assert row["val_accuracy"] == pytest.approx(reported[row["epoch"]], rel=1e-4)


def test_a_thousand_trials_are_drawn_as_bands_and_none_is_left_out(visit: Open) -> None:
    page = visit(histories.large(1000, 100))
    page.wait_for_selector('#curves .chart[data-bands="true"]')
    assert page.locator("#curves .chart").get_attribute("data-faded") == "995"
    assert "995 other trials as bands" in page.locator("#curves .caption").inner_text()
    go(page, "trials")
    assert "1,000 of 1,000" in page.locator("main .head").inner_text()
    assert page.locator("tr.trial").count() < 80, "only the rows in sight exist"
    page.locator(".virtual").evaluate("box => { box.scrollTop = box.scrollHeight; }")
    page.wait_for_timeout(100)
    assert page.locator("tr.trial").last.get_attribute("aria-rowindex") == "1001"


def test_the_printed_page_is_light(visit: Open) -> None:
    page = visit(histories.staged(), color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert len(page.pdf()) > 30_000


def test_the_language_is_the_browsers_or_the_one_that_is_chosen(visit: Open) -> None:
    page = visit(histories.staged(), locale="zh-CN")
    assert "学习曲线" in page.locator("#curves h2").inner_text()
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    page.locator("select.language").select_option("en")
    assert page.locator("#curves h2").inner_text() == "Learning curves"


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
    page.locator("#curves canvas").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
        if page.locator("#live").inner_text().startswith("Trial 1 "):
            break
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert "Trial 1 · epoch 30: predicted 0.974, 0.968–0.981" in page.locator("#live").inner_text()


def test_the_fan_is_on_the_objectives_chart_only(visit: Open) -> None:
    history, predictions = histories.promising()
    page = visit(history, predictions=predictions)
    page.locator("#metric").select_option(label="val_loss")
    assert page.locator("#curves .key i.fan").count() == 0


def test_trials_can_be_sorted_by_what_is_predicted(visit: Open) -> None:
    history, predictions = histories.promising()
    page = visit(history, predictions=predictions)
    go(page, "trials")
    page.locator("table.trials th button", has_text="predicted").click()
    assert numbers(page) == [2, 1, 3], "best first, those without a prediction last"
    assert "0.98, 0.94–0.99" in page.locator("tr.trial").first.inner_text()
    other = visit(history)
    go(other, "trials")
    assert "predicted" not in other.locator("table.trials thead").inner_text()


def test_a_fan_beside_absurd_values_is_no_error(visit: Open) -> None:
    history, _ = histories.promising()
    absurd = [Prediction(1, 20, 0.0, -1e90, 1e90), Prediction(2, 30, 0.9, 0.9, 0.9)]
    page = visit(history, predictions=absurd)
    page.locator("#curves").get_by_role("button", name="log").click()
    page.get_by_role("button", name="fit all").click()
    assert page.locator("#curves .chart").get_attribute("data-drawn")


def test_what_is_found_and_done_is_told_in_chinese(visit: Open) -> None:
    noise = say("{count} well", count=3)
    noted = histories.staged().after(
        Diagnosed(0.0, None, Finding("seed_noise", "warning", 0.7, noise)),
        Noted(0.0, Entry("narrow", "coarse", say("{classes} classes", classes=4), say("nothing"))),
    )
    page = visit(noted, locale="zh-CN")
    assert "3 项良好" in page.locator(".diagnosis").inner_text()
    go(page, "stages")
    assert "4 个类别: 无" in page.locator(".logbook li").last.inner_text()
    page.locator("select.language").select_option("en")
    assert "4 classes: nothing" in page.locator(".logbook li").last.inner_text()


def test_a_finding_that_is_dismissed_steps_aside_until_it_is_wanted_again(visit: Open) -> None:
    found = Finding("seed_noise", "warning", 0.7, "Noise is all that is left.")
    page = visit(histories.staged().after(Diagnosed(0.0, None, found)))
    assert "Noise is all" in page.locator(".diagnosis").inner_text()
    go(page, "findings")
    mine = page.locator(".findings li", has_text="Noise is all")
    mine.get_by_role("button", name="dismiss").click()
    page.get_by_text("1 dismissed").click()
    go(page, "overview")
    assert "Noise is all" not in page.locator(".diagnosis").inner_text()
    go(page, "findings")
    page.get_by_text("1 dismissed").click()
    mine.get_by_role("button", name="show again").click()
    assert page.locator(".findings li", has_text="Noise is all").count() == 1


def test_curves_can_be_seen_by_time_and_by_group(visit: Open, tmp_path: Path) -> None:
    page = visit(histories.staged())
    go(page, "curves")
    page.get_by_label("Horizontal axis").select_option("time")
    page.get_by_label("Group by").select_option(index=1)
    page.wait_for_selector(".legend .group")
    assert "x=time" in page.url
    assert "group=" in page.url
    with page.expect_download() as waiting:
        page.locator("#curves select.save").select_option("csv")
    waiting.value.save_as(tmp_path / "curves.csv")
    assert "seconds of training" in (tmp_path / "curves.csv").read_text("utf-8").splitlines()[0]


def test_columns_are_chosen_and_stand_in_the_address(visit: Open) -> None:
    page = visit(histories.staged())
    go(page, "trials")
    page.wait_for_selector("tr.trial")
    page.get_by_text("Columns").click()
    page.get_by_label("seed", exact=True).check()
    page.get_by_label("rank", exact=True).uncheck()
    heads = page.locator("table.trials thead").inner_text()
    assert "seed" in heads
    assert "rank" not in heads
    assert "cols=" in page.url


def test_a_drawing_can_be_saved_as_svg(visit: Open, tmp_path: Path) -> None:
    page = visit(histories.staged())
    go(page, "stages")
    chart = page.locator(".card:has(svg.chart)").last
    with page.expect_download() as waiting:
        chart.locator("select.save").select_option("svg")
    waiting.value.save_as(tmp_path / "lanes.svg")
    assert ElementTree.parse(tmp_path / "lanes.svg").getroot().tag.endswith("svg")
