"""What the verdicts mean, a line for each, in the order in which they are tried."""

from harness.model.verdict import Verdict

MEANINGS = {
    Verdict.NOT_EXECUTED: "the attack's effect was not observed",
    Verdict.INCONCLUSIVE: "a sensor was not well around the attack: nothing is claimed",
    Verdict.NO_TELEMETRY: "the attack ran, and a required signal is missing",
    Verdict.RULE_SILENT: "the signals are there, and the rule did not fire; the closest row is shown",
    Verdict.WRONG_FLAGS: "it fired where it should, and a flag or the number of rows differs",
    Verdict.UNEXPECTED_ALERT: "it fired where it must not: a benign run, the background; or a gap closed or changed",
    Verdict.KNOWN_GAP: "the rule is wrong here, blind or noisy, exactly as the expectation says, with the reason",
    Verdict.PROVEN: "executed, seen, and the rule said exactly what is expected",
    Verdict.SKIPPED: "a prerequisite is missing; never a pass",
}
