"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.lab.named import VARIABLES

ATOMICS = Path("atomics")
EXPECTATIONS = Path("expectations")

Select = Annotated[
    list[str] | None,
    typer.Argument(metavar="SELECT", help="A technique, an atomic, a GUID, or a path. Default: all."),
]
ClusterOption = Annotated[
    str,
    typer.Option(
        "--cluster",
        help="auto, kind, control-plane, none, or context:NAME.",
        metavar="KIND",
        envvar=VARIABLES["--cluster"],
    ),
]
NodeImageOption = Annotated[
    str | None,
    typer.Option(
        "--node-image",
        help="kind's node image: a reference, or an archive of `docker save`.",
        metavar="REF",
        envvar=VARIABLES["--node-image"],
    ),
]
DockerOption = Annotated[str, typer.Option("--docker", help="auto, managed, host, or none.", metavar="KIND")]
AuditLogOption = Annotated[
    Path | None,
    typer.Option("--kube-audit-log", help="The API server's audit log, with --cluster context:NAME.", metavar="FILE"),
]
AtomicsOption = Annotated[Path, typer.Option("--atomics", help="Where the atomics are.", metavar="PATH")]
ExpectationsOption = Annotated[
    Path, typer.Option("--expectations", help="Where the rules and their expectations are.", metavar="PATH")
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", help="Seconds for each command of an atomic.", min=1, metavar="SECONDS")
]
QueryTimeoutOption = Annotated[
    str, typer.Option("--query-timeout", help="The longest that one query may take.", metavar="DURATION")
]
QueryMemoryOption = Annotated[
    str, typer.Option("--query-memory", help="The most memory that one query may take.", metavar="SIZE")
]
WaitOption = Annotated[
    float,
    typer.Option("--wait", help="Wait this long for another capture to end; inf: no limit.", metavar="SECONDS", min=0),
]
KeepLab = Annotated[bool, typer.Option("--keep-lab", help="Leave the lab running for the next run.")]
EvasionsOption = Annotated[
    bool | None,
    typer.Option(
        "--evasions/--no-evasions", help="With or without variants. Default: with, unless single atomics are named."
    ),
]
RecordingOption = Annotated[
    Path | None, typer.Option("--recording", metavar="DIR", help="Where to record. Default: recordings/TIME.")
]
RepeatOption = Annotated[
    int,
    typer.Option(
        "--repeat", metavar="N", help="Repeat it N times in one lab, recorded in DIR/1 to DIR/N.", min=1, max=999
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
JsonOption = Annotated[str | None, typer.Option("--json", help="Write the result as JSON; - is stdout.", metavar="F")]
JunitOption = Annotated[Path | None, typer.Option("--junit", help="Write the result as JUnit XML.", metavar="F")]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", help="Write a report as one self-contained HTML page.", metavar="F")
]
NavigatorOption = Annotated[
    Path | None, typer.Option("--navigator", help="Write proven coverage as a layer of ATT&CK Navigator.", metavar="F")
]
MarkdownOption = Annotated[
    Path | None, typer.Option("--markdown", help="Write Markdown, for the summary of a CI job.", metavar="F")
]
SarifOption = Annotated[
    Path | None, typer.Option("--sarif", help="Write findings with file and line as SARIF 2.1.0.", metavar="F")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
RequireAll = Annotated[
    bool,
    typer.Option(
        "--require-all",
        help="Exit 1 if something was not judged: rules or atomics without expectations, expectations without their "
        "atomic, skips that no expectation allows.",
    ),
]
JsonDocumentOption = Annotated[str | None, typer.Option("--json", help="Write JSON; - is stdout.", metavar="F")]
ExpectOption = Annotated[
    Path | None, typer.Option("--expect", help="The rule's expectations. Default: beside it.", metavar="F")
]
RuleArgument = Annotated[Path, typer.Argument(help="The rule, in Sentinel YAML.", metavar="RULE")]
