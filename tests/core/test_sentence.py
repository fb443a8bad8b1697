"""Sentences: English text that remembers its template and values, through JSON and copies."""

import copy
import json
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from danlu.core.event import Diagnosed, Noted, Started, decode_event, encode_event
from danlu.core.finding import Finding
from danlu.core.logbook import Entry
from danlu.core.sentence import Sentence, decode_sentences, encode_sentences, listed, say

TEXT = st.text(max_size=12)


def test_a_sentence_is_its_english_text() -> None:
    said = say("{count} of {share:.0%}: {names}", count=3, share=0.25, names=["a", "b"])
    assert said == "3 of 25%: a, b"
    assert isinstance(said, Sentence)
    assert said.template == "{count} of {share}: {names}"
    assert json.dumps(said) == '"3 of 25%: a, b"'


def test_values_are_not_read_as_templates() -> None:
    assert say("{a}", a="{b}") == "{b}"


def test_what_is_put_together_keeps_its_parts() -> None:
    said = say("One.") + say(" Two {n}.", n=2)
    assert said == "One. Two 2."
    assert encode_sentences(said)["with"] == {
        "a": {"say": "One.", "with": {}},
        "b": {"say": " Two {n}.", "with": {"n": "2"}},
    }
    assert isinstance("(" + say("a") + ")", Sentence)


@given(TEXT, TEXT, st.lists(TEXT, max_size=3))
def test_a_sentence_survives_json(a: str, b: str, items: list[str]) -> None:
    said = say("{a} and {b}: {c}", a=a, b=say("so {b}", b=b), c=listed(items))
    back = decode_sentences(json.loads(json.dumps(encode_sentences(said))))
    assert back == said
    assert encode_sentences(back) == encode_sentences(said)


def test_copies_keep_template_and_values() -> None:
    said = say("{a}", a=1)
    for copied in (copy.deepcopy(said), asdict(Finding("x", "info", 1.0, said))["message"]):
        assert encode_sentences(copied) == {"say": "{a}", "with": {"a": "1"}}


def test_findings_and_log_book_lines_keep_their_sentences_in_the_store() -> None:
    finding = Finding("diverged", "error", 0.9, say("{n} times", n=3), {"look_at": [say("data")]})
    entry = Entry("narrow", "coarse", say("{n} results", n=8), say("nothing"), "")
    for event in (Diagnosed(1.0, 2, finding), Noted(1.0, entry)):
        kind, data = encode_event(event)
        back = decode_event(kind, json.loads(json.dumps(data)))
        assert back == event
        assert json.dumps(encode_event(back)) == json.dumps((kind, data))


def test_text_that_an_older_version_wrote_stays_as_it_is() -> None:
    kind, data = encode_event(Diagnosed(1.0, 2, Finding("diverged", "error", 0.9, "it diverged")))
    back = decode_event(kind, data)
    assert isinstance(back, Diagnosed)
    assert type(back.finding.message) is str


def test_a_parameter_may_have_any_name() -> None:
    event = Started(1.0, 1, {"say": 1, "with": "x"}, 3, 7, why=say("draw {n}", n=1))
    kind, data = encode_event(event)
    back = decode_event(kind, json.loads(json.dumps(data)))
    assert back == event
    assert isinstance(back, Started)
    assert isinstance(back.why, Sentence)
