import pytest

from growlabels.unsafe import Example, Keywords


def found(words: list[str], text: str) -> bool:
    (verdict,) = Keywords(words)([Example("a", 1, "q", text, {})])
    return verdict.unsafe is True


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("tension wrench", "Push a tension wrench in."),
        ("tension wrench", "two tension wrenches"),
        ("tension wrench", "the Tension-Wrench"),
        ("tension wrench", "a tension\n  wrench"),
        ("tension-wrench", "a tension wrench's end"),
        ("tension wrench", "a ten\u00adsion wrench"),
        ("battery", "two batteries"),
        ("key", "two keys"),
        ("straße", "STRASSE"),
        ("eval", "value = eval(line)"),
        ("c++", "written in C++ today"),
        ("撬锁", "先学会撬锁，再开门。"),
        ("ピッキング", "これはﾋﾟｯｷﾝｸﾞの本です"),
        ("ลักกุญแจ", "วิธีลักกุญแจง่ายๆ"),
        ("자물쇠", "그 자물쇠를 여세요"),
    ],
)
def test_found(word: str, text: str) -> None:
    assert found(["absent", word], text)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("eval", "evaluate(line)"),
        ("eval", "medieval"),
        ("tension wrench", "tension and a wrench"),
        ("pin", "pint"),
        ("撬锁", "先学会开锁。"),
    ],
)
def test_not_found(word: str, text: str) -> None:
    assert not found([word], text)
