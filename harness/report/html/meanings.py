"""What the verdicts mean, a line for each, in the order in which they are checked."""

from harness.model.verdict import Verdict

MEANINGS = {
    Verdict.NOT_EXECUTED: "the attack's effect was not observed",
    Verdict.INCONCLUSIVE: "a sensor was not healthy around the attack, so there is no verdict",
    Verdict.NO_TELEMETRY: "the attack ran, and a required signal is missing",
    Verdict.RULE_SILENT: "the signals are there, and the rule did not fire; the closest row is shown",
    Verdict.WRONG_FLAGS: "the rule fired as expected, and a flag or the number of rows is wrong",
    Verdict.UNEXPECTED_ALERT: "the rule fired on a benign run or in the background, or a known gap closed or changed",
    Verdict.KNOWN_GAP: "the rule misses the attack or is noisy, as the expectation says, with the reason",
    Verdict.PROVEN: "the attack was executed and seen, and the rule did exactly what is expected",
    Verdict.SKIPPED: "a prerequisite is missing; never a pass",
}
