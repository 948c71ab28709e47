"""Rule packs: the examples of every rule hold, and every mistake is named with its place."""

from importlib.resources.abc import Traversable
from pathlib import Path

import pytest

from curate.errors import RulesError
from curate.quality.checks import KINDS
from curate.quality.packs import check_packs, explain_rule, load_rules, quality_packs
from curate.quality.rules import Example, Rule, judge

RULES = load_rules(quality_packs())

GOOD = """
pack = "mine"
[[rule]]
code = "M001"
name = "short"
kind = "words"
where = { role = "agent" }
threshold = { min = 3 }
action = "drop"
reason = "Too short."
rationale = "Short answers teach nothing."
[[rule.example]]
turns = [["agent", "No."]]
expect = "drop"
"""


def pack(tmp_path: Path, text: str, name: str = "mine.toml") -> list[Traversable]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return [path]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_example_of_a_rule_holds(rule: Rule) -> None:
    assert [judge(rule, example) for example in rule.examples] == [example.expect for example in rule.examples]
    assert {example.expect for example in rule.examples} == {rule.action, "keep"}


def test_chatmills_own_packs_have_no_mistakes_and_the_core_rules_keep_their_codes() -> None:
    assert [rule.code for rule in RULES][:10] == [f"Q{number:03}" for number in range(1, 11)]
    assert len(RULES) >= 30
    assert check_packs(quality_packs()) == []
    assert all(rule.reason.endswith(".") and rule.rationale.endswith(".") for rule in RULES)


def test_a_good_pack_has_no_problems_and_gives_its_rule(tmp_path: Path) -> None:
    packs = pack(tmp_path, GOOD)
    assert check_packs(packs) == []
    (rule,) = load_rules(packs)
    assert (rule.code, rule.kind, rule.roles, rule.threshold.min, rule.action) == (
        "M001",
        "words",
        ("agent",),
        3.0,
        "drop",
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            'kind = "words"',
            'kind = "wrods"',
            "rule M001: kind is wrong. There is no check kind called 'wrods'. Did you mean words?",
        ),
        ('reason = "Too short."\n', "", "rule M001: reason is missing."),
        ('reason = "Too short."', 'reason = " "', "rule M001: reason is empty."),
        ('reason = "Too short."', "reason = 5", "rule M001: reason is 5, but must be text."),
        ('name = "short"', 'name = "short"\nnmae = 1', "rule M001: There is no key called 'nmae'. Did you mean name?"),
        (
            'action = "drop"',
            'action = "dorp"',
            "rule M001: action is wrong. There is no action called 'dorp'. Did you mean drop?",
        ),
        (
            'role = "agent"',
            'role = "agnet"',
            "rule M001, where: role is wrong. There is no role called 'agnet'. Did you mean agent?",
        ),
        ("min = 3", 'min = "3"', "rule M001, threshold: min is '3', but must be a number."),
        ("min = 3", "mni = 3", "rule M001: threshold needs min, max or both"),
        ("[[rule.example]]", "[rule.example]", "rule M001: example is {"),
        ('expect = "drop"', 'expect = "flag"', "expect is 'flag', but the rule's action is 'drop'."),
        ('["agent", "No."]', '["agent"]', "turns holds a turn that is not"),
        ('["agent", "No."]', '["agent", "No, it is not."]', "rule M001, example 1: expects drop, but gives keep."),
        ('pack = "mine"', "", "the pack: pack is missing."),
        ('pack = "mine"', 'pack = "mine"\nversion = "1"', "the pack: version is '1', but must be a whole number."),
        ("threshold =", "params = { ngram = 2 }\nthreshold =", "There is no key 'ngram': none is taken here."),
        ('"words"', '"terms"', "rule M001, params: terms is missing or empty."),
        ('"words"', '"rating"', "where rating always looks at the whole conversation"),
        ('pack = "mine"', "pack = mine", "the file: is not valid TOML"),
        (
            '"words"',
            '"terms"\nparams = { list = "profanty" }',
            "list is wrong. There is no list in rules/deny called 'profanty'. Did you mean profanity?",
        ),
        ('"words"', '"pattern"\nparams = { pattern = "(a" }', "pattern is '(a', which is no regular expression"),
        ('"words"', '"pattern"\nparams = { pattern = "(a)\\\\1" }', "which is no regular expression"),
        ('"words"', '"pattern"', "pattern is missing or empty."),
        ('"agent", "No."', '"agent", "No.", "makro"', "There is no automation called 'makro'. Did you mean macro?"),
        (
            'kind = "words"\nwhere = { role = "agent" }\nthreshold = { min = 3 }\naction = "drop"',
            'kind = "reopens"\nthreshold = { max = 0 }\naction = "weight"',
            "action is 'weight', which judges single turns, but reopens looks at the whole conversation",
        ),
    ],
)
def test_a_mistake_is_named_with_file_place_value_and_the_nearest_word(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in GOOD
    told = [str(problem) for problem in check_packs(pack(tmp_path, GOOD.replace(old, new, 1)))]
    assert any(complaint in each for each in told), told


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    broken = GOOD.replace('"words"', '"wrods"').replace("Too short.", "").replace('"drop"', '"dorp"')
    with pytest.raises(RulesError) as caught:
        load_rules(pack(tmp_path, broken))
    assert all(word in caught.value.message for word in ("mine.toml", "wrods", "reason", "dorp"))


def test_a_code_is_never_used_twice(tmp_path: Path) -> None:
    packs = [*quality_packs(), *pack(tmp_path, GOOD.replace("M001", "Q001"))]
    assert [str(problem) for problem in check_packs(packs)] == [
        "mine.toml: rule Q001: code 'Q001' is taken by the rule no_customer; codes are never used twice."
    ]


def test_a_workspace_changes_thresholds_and_actions_and_switches_rules_off(tmp_path: Path) -> None:
    changes = """
    pack = "mine"
    [[change]]
    code = "Q003"
    threshold = { min = 20 }
    [[change]]
    code = "Q009"
    action = "flag"
    [[change]]
    code = "Q007"
    action = "off"
    """
    rules = {rule.code: rule for rule in load_rules([*quality_packs(), *pack(tmp_path, changes)])}
    assert rules["Q003"].threshold.min == 20.0
    assert rules["Q009"].action == "flag"
    assert "Q007" not in rules


def test_a_list_of_the_workspace_stands_for_ours(tmp_path: Path) -> None:
    (tmp_path / "rules" / "deny").mkdir(parents=True)
    (tmp_path / "rules" / "deny" / "off_topic.txt").write_text("# ours\nweather  # not our business\n\n")
    rules = {rule.code: rule for rule in load_rules(quality_packs(tmp_path), tmp_path)}
    assert dict(rules["Q066"].params)["terms"] == ("weather",)
    assert len(dict(rules["Q060"].params)["terms"]) > 100


def test_weights_judge_each_turn_alone() -> None:
    rule = next(rule for rule in RULES if rule.code == "Q036")
    assert judge(rule, Example((("customer", "Ok", None), ("agent", "It is here.", None)), "keep")) == "keep"
    assert judge(rule, Example((("agent", "It is here.", None), ("agent", "Yes", None)), "weight")) == "weight"


def test_most_rules_flag_rather_than_drop() -> None:
    drops = [rule.code for rule in RULES if rule.action == "drop" and rule.code > "Q010"]
    assert drops == ["Q026", "Q064", "Q073"]


def test_a_change_of_an_unknown_rule_is_a_mistake(tmp_path: Path) -> None:
    packs = [*quality_packs(), *pack(tmp_path, 'pack = "mine"\n[[change]]\ncode = "Q0033"\naction = "off"\n')]
    (problem,) = check_packs(packs)
    assert "There is no rule called 'Q0033'. Did you mean Q033?" in str(problem)


def test_a_workspaces_packs_are_read_after_the_core(tmp_path: Path) -> None:
    folder = tmp_path / "rules" / "quality"
    folder.mkdir(parents=True)
    pack(folder, GOOD)
    assert [each.name for each in quality_packs(tmp_path)][-1] == "mine.toml"
    assert quality_packs(tmp_path)[0].name == "core.toml"


def test_a_rule_is_explained_with_reason_rationale_and_examples() -> None:
    told = "\n".join(explain_rule("q002", quality_packs()))
    assert "Q002 no_agent (drop)" in told
    assert "Nobody answers the customer" in told
    assert "Example (keep): customer: Hi, I want to book a ticket. / agent: Where would you like to go?" in told
    with pytest.raises(RulesError, match="There is no quality rule called 'Q999'"):
        explain_rule("Q999", quality_packs())


def test_every_kind_says_what_it_measures() -> None:
    assert all(kind.help.endswith(".") and kind.name == name for name, kind in KINDS.items())
