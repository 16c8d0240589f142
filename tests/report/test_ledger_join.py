"""The ledger joins what was assumed with what was tried, by key."""

from __future__ import annotations

import pytest
from made_findings import estimand_of, estimate_of, findings_of, refutation_of

from aitia.core import Assumption, AssumptionKey, Status
from aitia.refutation import Verdict
from aitia.report import ledger_of
from aitia.report._ledger import _IN_GENERAL

KEY = AssumptionKey.POSITIVITY


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([], Status.UNTESTED),
        ([Verdict.SURVIVED], Status.SURVIVED),
        ([Verdict.SURVIVED, Verdict.BROKEN, Verdict.SURVIVED], Status.BROKEN),
        ([Verdict.SURVIVED, Verdict.INCONCLUSIVE], Status.INCONCLUSIVE),
    ],
)
def test_the_worst_verdict_speaks(verdicts: list[Verdict], status: Status):
    ledger = ledger_of(estimand_of(), estimate_of(), [refutation_of(each, KEY) for each in verdicts])
    assert ledger[KEY].status is status
    assert len(ledger[KEY].evidence) == len(verdicts)


def test_a_bound_is_never_told_as_survived():
    ledger = ledger_of(estimand_of(), estimate_of(), [refutation_of(bounds=True, attacks=KEY)])
    assert ledger[KEY].status is Status.BOUNDED


def test_a_refuter_that_did_not_apply_leaves_no_mark():
    silent = refutation_of(Verdict.INCONCLUSIVE, KEY, expected="", observed="", tried="Nothing.")
    assert ledger_of(estimand_of(), estimate_of(), [silent])[KEY].status is Status.UNTESTED


def test_what_no_stage_wrote_down_gets_a_line():
    attacked = refutation_of(Verdict.BROKEN, AssumptionKey.INTERVAL)
    line = ledger_of(estimand_of(), None, [attacked])[AssumptionKey.INTERVAL]
    assert line.status is Status.BROKEN and line.source == "refutation"


def test_the_data_s_own_words_give_way_to_a_stage_s():
    spoken = Assumption(KEY, "Said again.", True)
    new = Assumption(AssumptionKey.INDEPENDENT_ROWS, "Rows are independent.", True)
    ledger = ledger_of(estimand_of(), None, [], [spoken, new])
    assert [each.key for each in ledger] == [
        AssumptionKey.NO_UNMEASURED_CONFOUNDING,
        KEY,
        AssumptionKey.INDEPENDENT_ROWS,
    ]


def test_every_key_can_be_attacked():
    assert set(_IN_GENERAL) == set(AssumptionKey)


def test_what_was_tested_counts_as_testable():
    key = AssumptionKey.NO_UNMEASURED_CONFOUNDING
    assert not ledger_of(estimand_of(), None, [refutation_of(attacks=key, bounds=True)])[key].testable
    line = ledger_of(estimand_of(), None, [refutation_of(Verdict.BROKEN, key)])[key]
    assert line.testable and line.status is Status.BROKEN


def test_the_answer_says_what_is_broken():
    broken = [refutation_of(Verdict.BROKEN, KEY), refutation_of(Verdict.BROKEN, AssumptionKey.INTERVAL)]
    said = findings_of(refutations=tuple(broken)).answer
    assert said.endswith(
        "if the assumptions below hold. But the data speak against one of them (every row could have had either), "
        "and against 1 more: see below before relying on it."
    )
    assert "speak against" not in findings_of().answer
