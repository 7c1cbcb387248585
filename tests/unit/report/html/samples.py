"""A result with everything in it: the committed recording's, and made-up variants, benign runs and figures."""

from __future__ import annotations

from functools import cache

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import Alert, AtomicResult, Fired, Latency, NearMiss, VariantResult
from harness.model.observed import Executed
from harness.model.result import Result
from harness.model.rule_figures import BenignRuns, FlagCounts, Recall, TuningResult
from harness.model.variant import Variant
from harness.model.verdict import ExitCode, Verdict
from harness.recording import open_recording
from tests.conftest import COMMITTED, EXPECTATIONS

RULE, HARDENED = "container-cli-api", "container-api-hardened"
RUN, PRIVILEGED, SECRETS = (
    "T1059.013/docker-container-execution",
    "T1059.013/docker-privileged-container-creation",
    "T1059.013/kubectl-secrets-enumeration",
)
# family, name, the atomics it is a variant of, what became of it under the two rules
_VARIANTS = [
    ("flag-spelling", "net-with-a-space", [PRIVILEGED], "DD"),
    ("flag-spelling", "network-equals-host", [PRIVILEGED], "FD"),
    ("flag-spelling", "privileged-equals-true", [PRIVILEGED], "DD"),
    ("management-verbs", "container-run", [RUN, PRIVILEGED], "MD"),
    ("quoting", "double-space", [RUN, PRIVILEGED, SECRETS], "DD"),
    ("quoting", "empty-quotes", [RUN, PRIVILEGED, SECRETS], "DD"),
    ("resource-spelling", "namespace-first", [SECRETS], "MD"),
    ("resource-spelling", "singular", [SECRETS], "DD"),
    ("resource-spelling", "raw", [SECRETS], "MM"),
    ("wrappers", "renamed-binary", [RUN, PRIVILEGED, SECRETS], "MD"),
    ("wrappers", "symlink", [RUN, PRIVILEGED, SECRETS], "NN"),
    ("wrappers", "xargs", [RUN, PRIVILEGED, SECRETS], "DD"),
    ("without-cli", "curl-on-the-socket", [RUN, PRIVILEGED], "MD"),
    ("without-cli", "curl-with-a-token", [SECRETS], "EE"),
    ("without-cli", "python-client", [SECRETS], "?D"),
]


@cache
def proven() -> Result:
    """What the committed recording gives."""
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


def by_atomic(atomic: str) -> AtomicResult:
    """The committed recording's result for an atomic."""
    return next(each for each in proven().results if each.atomic == atomic)


def variant(base: AtomicResult, family: str, name: str, letter: str, **more: object) -> AtomicResult:
    """A variant of `base` of which became what the letter says: D, F, M, E, N or ?."""
    made = Variant(of=base.atomic, family=family, name=name)
    fires = letter in "DF?"
    verdicts = {"D": Verdict.PROVEN, "N": Verdict.NOT_EXECUTED, "E": Verdict.NOT_EXECUTED, "?": Verdict.INCONCLUSIVE}
    compared = VariantResult(
        of=base.atomic,
        family=family,
        name=name,
        held_out=made.held_out,
        equivalence={"E": "different", "N": "unknown"}.get(letter, "identical"),
        differences=["no list of secrets answered 200"] if letter == "E" else [],
        seen_by=["auditd", "docker_daemon"] if "docker" in base.atomic else ["auditd", "kube_audit"],
        flags_right=letter == "D",
    )
    update: dict[str, object] = {
        "atomic": made.id,
        "variant": compared,
        "verdict": verdicts.get(letter, Verdict.KNOWN_GAP),
        "reason": {
            "D": base.reason,
            "E": "it does not do the same: no list of secrets answered 200",
            "N": "the effect was not observed: a container that ran",
            "?": "auditd: the canary after the atomic did not come through",
        }.get(letter, "the rule looks for words of the command line, and this spelling has others"),
        "executed": base.executed.model_copy(update={"effect": letter != "N"}),
        "fired": base.fired.model_copy(update={"actual": fires, "rows": int(fires)}),
        "alerts": base.alerts if fires else [],
        "latency": Latency(detonated=base.latency.detonated),
        "signals": [],
    }
    return base.model_copy(update=update | more)


def _hardened(result: AtomicResult) -> AtomicResult:
    return result.model_copy(update={"rule": HARDENED, "at": result.at.replace(RULE, HARDENED)})


def _benign(name: str, family: str, alerts: list[Alert], verdict: Verdict, reason: str) -> AtomicResult:
    base = by_atomic(RUN)
    update = {
        "atomic": f"T1059.013/{name}",
        "name": name.replace("-", " ").capitalize(),
        "benign": family,
        "verdict": verdict,
        "reason": reason,
        "fired": Fired(expected=False, actual=bool(alerts), rows=len(alerts), expected_rows=len(alerts)),
        "flags": {},
        "alerts": alerts,
    }
    return base.model_copy(update=update)


def _recall(results: list[AtomicResult]) -> Recall:
    executed = [each for each in results if each.executed.effect]
    same = [each for each in executed if each.variant and each.variant.equivalent]
    right = sum(bool(each.variant and each.variant.flags_right) for each in same)
    return Recall(
        executed=len(executed), equivalent=len(same), fired=sum(r.fired.actual for r in same), flags_right=right
    )


def everything() -> Result:
    """Two rules, and results of every kind."""
    results = [_as_live(each) for each in proven().results]
    missed = _near_miss(by_atomic(RUN))
    skipped = by_atomic(RUN).model_copy(
        update={
            "atomic": "T1059.013/nerdctl-run",
            "verdict": Verdict.SKIPPED,
            "reason": "nerdctl is not installed",
            "executed": Executed(ran=False, effect=False),
            "signals": [],
            "fired": Fired(expected=True, actual=False, rows=0, expected_rows=1),
            "alerts": [],
            "latency": Latency(),
        }
    )
    alerts = by_atomic(RUN).alerts
    known = "a pipeline builds images; the rule has no way to tell"
    benign = [
        _benign("pipeline-build-test-push", "pipeline", alerts * 3, Verdict.KNOWN_GAP, known),
        _benign(
            "engineers-hour", "engineer", alerts, Verdict.UNEXPECTED_ALERT, "the rule fires on 1 row, and must not"
        ),
        _benign("describe-nodes", "engineer", [], Verdict.PROVEN, "executed, seen, and rightly silent"),
    ]
    first, second = [*results, missed, skipped, *benign], [_hardened(each) for each in [*results, skipped, *benign]]
    for family, name, atomics, letters in _VARIANTS:
        for atomic in atomics:
            first.append(variant(by_atomic(atomic), family, name, letters[0]))
            second.append(_hardened(variant(by_atomic(atomic), family, name, letters[1])))
    first.append(_new_miss())
    return _with_figures({RULE: first, HARDENED: second})


def _as_live(result: AtomicResult) -> AtomicResult:
    telemetry = result.latency.telemetry or 0.0
    return result.model_copy(update={"latency": result.latency.model_copy(update={"alert": telemetry + 0.8})})


def _near_miss(base: AtomicResult) -> AtomicResult:
    near = NearMiss(
        predicate="ProcessCommandLine has_any (SuspiciousCommands)",
        at="expectations/T1059.013/container-cli-api.yaml:42:11",
        values={"ProcessCommandLine": "podman run --rm livefire/busybox:local whoami"},
    )
    update = {
        "atomic": "T1059.013/podman-run",
        "verdict": Verdict.RULE_SILENT,
        "reason": f"no row passed: {near.predicate}",
        "near_miss": near,
        "fired": base.fired.model_copy(update={"actual": False, "rows": 0}),
        "alerts": [],
    }
    return base.model_copy(update=update)


def _new_miss() -> AtomicResult:
    """A variant that the rule misses and no expectation knows of."""
    silent = {"verdict": Verdict.RULE_SILENT, "reason": "the rule gave no row"}
    return variant(by_atomic(RUN), "wrappers", "env", "M", **silent)


def _with_figures(found: dict[str, list[AtomicResult]]) -> Result:
    results = [each for several in found.values() for each in several]
    recall: dict[str, dict[str, Recall]] = {}
    split: dict[str, dict[str, Recall]] = {}
    for rule, several in found.items():
        variants = [(each.variant, each) for each in several if each.variant]
        families = dict.fromkeys(variant.family for variant, _ in variants)
        recall[rule] = {name: _recall([each for v, each in variants if v.family == name]) for name in families}
        split[rule] = {
            name: _recall([each for v, each in variants if v.held_out is held_out])
            for name, held_out in (("tuned", False), ("held_out", True))
        }
    update = {
        "results": results,
        "recall": recall,
        "recall_split": split,
        "benign": {
            rule: {
                "pipeline": BenignRuns(commands=214, alerts=alerts, flags={"PrivilegedContainer": 1}),
                "engineer": BenignRuns(commands=96, alerts=1),
                "orchestration": BenignRuns(commands=1304, alerts=0),
            }
            for rule, alerts in ((RULE, 3), (HARDENED, 1))
        },
        "flags": {
            RULE: {
                "PrivilegedContainer": FlagCounts(attacks=21, benign=1),
                "HostMount": FlagCounts(attacks=9, benign=6),
                "ContainerExec": FlagCounts(attacks=0, benign=0),
                "SecretsAccess": FlagCounts(attacks=14, benign=0),
            }
        },
        "tuning": {
            RULE: [
                TuningResult(name="as it is", where="", alerts=48, benign_alerts=8, attacks=50, fired=40),
                TuningResult(
                    name="without the build agent",
                    where='InitiatingProcessFileName == "gitlab-runner"',
                    alerts=42,
                    benign_alerts=3,
                    attacks=50,
                    fired=39,
                ),
            ]
        },
        "summary": {str(v): sum(each.verdict is v for each in results) for v in Verdict},
        "exit_code": ExitCode.UNMET,
    }
    return proven().model_copy(update=update)
