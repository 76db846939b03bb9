"""What the report says where figures are missing or weak."""

from growlabels.classes.cli.add_report import Change, add_section, change_table


def test_groups_without_rows_are_named() -> None:
    changes = [Change("old classes", 0, None, None, None), Change("new classes", 150, 0.0, 0.9, 1)]
    section = add_section(None, changes, ["elk", "fox"], replayed=0)
    assert [h.name for h in section.headlines] == ["accuracy on new classes"]
    assert section.headlines[0].baseline == 0.0
    assert section.warnings[0].startswith("No row was held out of old classes")
    assert "forgotten in part" in section.warnings[-1] and len(section.warnings) == 2
    assert change_table(changes).rows[0] == (
        "old classes",
        0,
        "not measured",
        "not measured",
        "not measured",
    )


def test_few_rows_and_many_names() -> None:
    section = add_section(None, [Change("all classes", 25, 0.5, 0.6, 0.1)], range(12), replayed=4)
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..." in section.text[0]
    assert section.warnings == [
        "Only 25 rows of all classes were scored: their accuracy is good to about 0.20 either way."
    ]
