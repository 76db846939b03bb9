from typing import Any

from growlabels.unsafe.rows.examples import read_examples
from growlabels.unsafe.rows.notes import ReadingNotes, unread_text

TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
LONG = "a text of several words"


def notes_of(*rows: dict[str, Any]) -> list[str]:
    notes = ReadingNotes()
    for example in read_examples(rows, lambda bad: notes.untrained.update([bad.reason])):
        notes.add(example)
    return notes.sentences()


def test_nothing_to_say() -> None:
    plain = {"prompt": LONG, "completion": LONG, "id": "r-7", "source": "web page", "n": 5}
    assert notes_of(plain, {"messages": TURNS, "system": LONG, "tools": []}) == []


def test_each_kind_is_said_in_one_sentence() -> None:
    masked = [TURNS[0], {**TURNS[1], "weight": 0}, *TURNS, TURNS[0]]
    pushed = {"prompt": "q", "completion": "a", "kto_tag": False}
    rows = [{"messages": masked, "hint": LONG}, {"messages": TURNS, "hint": LONG}, pushed, pushed]
    assert notes_of(*rows) == [
        "2 rows kept without a score, because training does not learn their answers: 'kto_tag' is "
        "false: training pushes the model away from the answer. --score-masked scores them.",
        "1 answer in 1 row not trained on (weight 0 or train false) and not scored. "
        "--score-masked scores such answers.",
        "Turns after the last answer, in 1 conversation: training ignores them, and so does the "
        "scan.",
        "Fields that hold text and are not read: 'hint' (2 rows).",
    ]


def test_fields_that_hold_text_and_are_not_read() -> None:
    row = {
        "messages": [{**TURNS[0], "name": LONG}, {**TURNS[1], "thinking": LONG, "aside": LONG}],
        "meta": {"notes": [LONG, LONG], "url": "http://x"},
        "中文": "这是一个没有人读的说明文字。",
    }
    assert unread_text(row) == {"messages.name", "messages.aside", "meta.notes", "中文"}
    assert unread_text({"prompt": "q", "chosen": LONG, "rejected": LONG}) == set()


def test_a_false_label_may_mean_undesirable() -> None:
    row = {"prompt": "q", "completion": "a", "label": False}
    (said,) = notes_of(row, {**row, "label": True}, {**row, "label": 0}, {**row, "kto_tag": True})
    assert said.startswith("'label' is false in 1 row. If it marks undesirable answers")


def test_images_are_said_to_be_unread() -> None:
    seen = [{"role": "user", "content": [{"type": "image_url"}, {"text": "q"}]}, TURNS[1]]
    assert notes_of({"messages": seen}, {"messages": TURNS}) == [
        "1 row with images, sound or files: the scan reads their text alone."
    ]
