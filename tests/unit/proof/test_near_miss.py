"""Cutting a rule into the predicates that a row must pass."""

from harness.proof.near_miss import predicates


def test_wheres_are_cut_at_top_level_and_only() -> None:
    kql = (
        'let a = dynamic(["x and y"]);\nT\n| where A == "p and q" and (B or C) and D has_any (a)\n| take 1\n| where E\n'
    )
    found = predicates(kql)
    assert [each.text for each in found] == ['A == "p and q"', "(B or C)", "D has_any (a)", "E"]
    assert all(kql[each.offset :].startswith(each.text) for each in found)
    assert found[1].prefix.endswith('| where A == "p and q"\n')
    assert "take" in found[3].prefix


def test_a_between_range_is_not_cut() -> None:
    assert [p.text for p in predicates("T | where A between (1 .. 2) and B")] == ["A between (1 .. 2)", "B"]


def test_comments_and_verbatim_strings_are_no_predicates() -> None:
    kql = 'T\n| where A == 1 // this and that\n    and B == @"c:\\" and C\n// | where Z and Y\n| where D'
    found = predicates(kql)
    assert [each.text for each in found] == ["A == 1", 'B == @"c:\\"', "C", "D"]
    assert all(kql[each.offset :].startswith(each.text) for each in found)


def test_brackets_and_words_that_contain_and_are_not_cut() -> None:
    assert [p.text for p in predicates('T | where Command == "x" and B["p and q"] == 1 and (C and D)')] == [
        'Command == "x"',
        'B["p and q"] == 1',
        "(C and D)",
    ]


def test_an_or_at_top_level_keeps_the_predicate_whole() -> None:
    assert [p.text for p in predicates("T | where A and B or C | where D and (E or F)")] == [
        "A and B or C",
        "D",
        "(E or F)",
    ]
