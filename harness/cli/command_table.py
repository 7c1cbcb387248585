"""The commands, in the order in which they are needed: one line of help, the request and the function of each."""

from __future__ import annotations

from harness.cli.command import Command, Group, LiveCommand

LAB: dict[str, Command] = {
    "up": LiveCommand("Start a lab and leave it running.", "live_requests.LabUp", "lab_command.up"),
    "down": LiveCommand("Take the kept lab down.", "live_requests.LabDown", "lab_command.down"),
    "pull": LiveCommand(
        "Pull kind's node image, and keep it in the cache.", "live_requests.LabPull", "lab_command.pull"
    ),
    "status": LiveCommand(
        "Show which lab is up, and how to reach it.", "live_requests.LabStatus", "lab_command.status"
    ),
}

COMMANDS: dict[str, Command | Group] = {
    "run": LiveCommand("Detonate atomics in a lab, and prove the rule.", "live_requests.Run", "run_command.run"),
    "evade": LiveCommand("Detonate every known variant of an attack.", "live_requests.Evade", "run_command.evade"),
    "capture": LiveCommand("Detonate and record, without judging.", "live_requests.Capture", "run_command.capture"),
    "prove": Command("Judge recordings.", "judging_requests.Prove", "prove_command.prove"),
    "query": Command("Run KQL over the tables of a recording.", "query_requests.Query", "query_command.query"),
    "tables": Command("List tables and columns, with sample values.", "query_requests.Tables", "query_command.tables"),
    "mutate": Command(
        "Find the parts of a rule that no test needs.", "judging_requests.Mutate", "mutate_command.mutate"
    ),
    "schedule": Command(
        "Simulate when Microsoft Sentinel would alert.", "schedule_request.Schedule", "schedule_command.schedule"
    ),
    "diff": Command("Show what changed between two results, and why.", "judging_requests.Diff", "diff_command.diff"),
    "history": Command(
        "Show nights side by side, and the trend of the latency.",
        "judging_requests.History",
        "history_command.history",
    ),
    "report": Command(
        "Write one HTML page of results, mutants, a history.", "judging_requests.Report", "report_command.report"
    ),
    "lab": Group("Keep a lab running, so that the next run takes seconds.", LAB),
    "list": Command(
        "List the atomics, and the rules that they test.",
        "file_requests.ListAtomics",
        "list_command.list_atomics",
    ),
    "lint": Command(
        "Check atomics, rules and expectations: schema, KQL, flags.", "file_requests.Lint", "lint_command.lint"
    ),
    "doctor": LiveCommand("Check what a live run needs.", "live_requests.Doctor", "doctor_command.doctor"),
    "clean": LiveCommand("Undo everything that was left behind.", "live_requests.Clean", "clean_command.clean"),
}
