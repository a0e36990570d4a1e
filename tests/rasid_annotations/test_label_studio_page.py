"""What a person does in the page of Label Studio, driven in a real browser, comes back to the character."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from annotation_samples import SCHEMA
from playwright.sync_api import Page, expect, sync_playwright
from test_label_studio import hard, plain, project_of, pulled, tasks
from test_regions import HARD, at
from tests.label_studio_server import EMAIL, PASSWORD, LabelStudioServer, chromium

from rasid.document import Argument, Document, Entity, Event
from rasid_annotations.label_studio.pushing import push
from rasid_annotations.label_studio.regions import ANNOTATION
from rasid_annotations.label_studio.server import Server

# The box of the first occurrence of some words in the article, wherever highlights have cut its text nodes.
BOX = """(words) => {
  const article = document.querySelector('[class*=richtext__container]');
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  const nodes = [];
  let text = '';
  while (walker.nextNode()) { nodes.push([walker.currentNode, text.length]); text += walker.currentNode.data; }
  const start = text.indexOf(words), end = start + words.length;
  const [first, before] = nodes.find(([node, offset]) => start < offset + node.data.length);
  const [last, until] = nodes.find(([node, offset]) => end <= offset + node.data.length);
  const range = document.createRange();
  range.setStart(first, start - before);
  range.setEnd(last, end - until);
  const box = range.getBoundingClientRect();
  return {left: box.left, right: box.right, middle: (box.top + box.bottom) / 2, words: range.toString()};
}"""
# The words of a region: its highlights have its id in their class.
SHOWN = """(name) => [...document.querySelectorAll('.htx-highlight')].filter(
  e => [...e.classList].some(c => c.startsWith(`htx-highlight-${name}-`))).map(e => e.textContent).join('')"""


@pytest.fixture(scope="module")
def page(label_studio: LabelStudioServer) -> Iterator[Page]:
    """A browser's page, logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(15_000)
        page.goto(f"{label_studio.url}/user/login/")
        page.fill("input[name=email]", EMAIL)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(f"{label_studio.url}/**")
        yield page
        browser.close()


def opened(page: Page, server: Server, title: str, documents: Document) -> None:
    """A pushed article, open for annotation."""
    project = project_of(server, title)
    push(server, project, [documents], SCHEMA, kind="suggestions" if documents.entities else "nothing")
    (task,) = tasks(server, project)
    page.goto(f"{server.url}/projects/{project.id}/data?task={task['id']}")
    page.wait_for_selector("[class*=richtext__line]")
    page.wait_for_function("document.querySelector('[class*=richtext__container]').textContent.includes('قُتِلَ')")


def click(page: Page, words: str) -> None:
    box = page.evaluate(BOX, words)
    page.mouse.click((box["left"] + box["right"]) / 2, box["middle"])


def drag(page: Page, words: str) -> None:
    """Select words from right to left, as one reads them."""
    box = page.evaluate(BOX, words)
    assert box["words"] == words
    page.mouse.move(box["right"] - 0.5, box["middle"])
    page.mouse.down()
    page.mouse.move((box["left"] + box["right"]) / 2, box["middle"], steps=4)
    page.mouse.move(box["left"] + 0.5, box["middle"], steps=4)
    page.mouse.up()


def label(page: Page, words: str, key: str) -> None:
    """A region of this label over these words."""
    page.keyboard.press("Escape")
    page.keyboard.press(key)
    page.wait_for_timeout(600)  # two mouse-ups at one place would be taken for a double click
    count = page.locator("[class*=outliner-item__title]").count()
    drag(page, words)
    expect(page.locator("[class*=outliner-item__title]")).to_have_count(count + 1)
    page.keyboard.press("Escape")


def tab(page: Page, name: str) -> None:
    page.locator("[class*=panel-tabs__tab]").filter(has_text=name, visible=True).click()


def link(page: Page, start: str, end: str, role: str) -> None:
    """A relation between the regions of these words, and its role."""
    page.keyboard.press("Escape")
    click(page, start)
    page.keyboard.press("Alt+r")
    click(page, end)
    tab(page, "Relations")
    item = page.locator("[class*=relations__item]").last
    item.hover()
    item.get_by_label("Show Relation Labels").click()
    item.locator("[class*=relation-meta] button").click()
    page.get_by_role("option", name=role, exact=True).click()
    page.keyboard.press("Escape")
    item.get_by_label("Hide Relation Labels").click()
    tab(page, "Regions")


def submit(page: Page) -> None:
    with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST") as told:
        page.get_by_label("Submit current annotation").click()
    assert told.value.ok


def test_suggestions_stand_on_their_words_and_come_back_untouched(page: Page, server: Server, title: str) -> None:
    document = hard()
    opened(page, server, title, document)
    page.wait_for_selector(".htx-highlight")
    names = {entity.id: entity for entity in document.entities} | {event.id: event for event in document.events}
    for name, item in names.items():
        if "#" not in name:
            assert page.evaluate(SHOWN, name) == document.mention(item)
    container = "document.querySelector('[class*=richtext__container]')"
    assert page.evaluate(f"getComputedStyle({container}).direction") == "rtl"
    # the first paragraph begins at the right edge, and so does a short one
    edge = page.evaluate(f"{container}.getBoundingClientRect().right")
    assert edge - page.evaluate(BOX, "قُتِلَ")["right"] < 40
    assert edge - page.evaluate(BOX, "حلب")["right"] < 60
    submit(page)
    (found,) = pulled(server, project_of(server, title))
    assert plain(found.document) == document
    told: Any = found.document.extra[ANNOTATION]
    assert (told["annotator"], told["from_suggestion"], told["skipped"]) == (EMAIL, True, False)
    assert told["lead_time"] > 0
    assert told["regions"] == {"prediction": len(names)}


def test_what_is_drawn_by_mouse_comes_back_to_the_character(page: Page, server: Server, title: str) -> None:
    suggested = Document("page", HARD, entities=(Entity("t1", "QUANTITY", *at("12"), score=0.9),))
    opened(page, server, title, suggested)
    page.wait_for_selector(".htx-highlight")
    label(page, "دمشق", "5")  # after an emoji, a tab and two spaces
    label(page, "الجيش", "2")  # between tags
    label(page, "قصف", "s")  # without its proclitic, after CR LF
    label(page, "الطيران", "2")
    label(page, "حلب ثم", "6")
    label(page, "ثم 👩🏽\u200d🚀", "5")  # crossing it
    label(page, "قُتِلَ", "k")
    click(page, "قُتِلَ")
    page.keyboard.press("x")  # negated
    link(page, "قُتِلَ", "12", "COUNT")
    link(page, "دمشق", "قُتِلَ", "PLACE")  # from the filler to the trigger
    link(page, "قصف", "الطيران", "AGENT")
    submit(page)
    (found,) = pulled(server, project_of(server, title))
    drawn = found.document
    assert {(item.type, item.start, item.end) for item in drawn.entities} == {
        ("QUANTITY", *at("12")),
        ("LOC", *at("دمشق")),
        ("ARMED", *at("الجيش")),
        ("ARMED", *at("الطيران")),
        ("FAC", *at("حلب ثم")),
        ("LOC", *at("ثم 👩🏽\u200d🚀")),
    }
    names = {drawn.mention(entity): entity.id for entity in drawn.entities}
    assert {replace(event, id="") for event in drawn.events} == {
        Event("", "STRIKE", *at("قصف"), "actual", (Argument("AGENT", names["الطيران"]),)),
        Event("", "KILL", *at("قُتِلَ"), "negated", (Argument("COUNT", "t1"), Argument("PLACE", names["دمشق"]))),
    }
    assert all(item.score is None for item in drawn.entities)
    assert drawn.extra[ANNOTATION]["regions"] == {"prediction": 1, "manual": 7}


def test_an_article_that_is_skipped(page: Page, server: Server, title: str) -> None:
    opened(page, server, title, Document("skipped", HARD))
    project = project_of(server, title)
    page.goto(f"{server.url}/projects/{project.id}/data?labeling=1")
    with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST"):
        page.get_by_label("skip-task").click()
    (found,) = pulled(server, project)
    assert (found.kind, found.document.id) == ("skipped", "skipped")
