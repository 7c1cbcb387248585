"""A command line that is markup, detonated for real: in the report it is text, in a real browser too."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.browser.conftest import launched
from tests.conftest import EXPECTATIONS
from tests.lab.conftest import Livefire

MARKUP = (
    """<script>document.title="owned"</script><img src=x onerror=document.title="owned">"""
    """&quot; autofocus onfocus="document.title=1" </title></style></pre></svg>]]>"""
)
ATOMIC = f"""
attack_technique: T1059.013
display_name: Markup
atomic_tests:
  - name: Docker Run Of Markup
    auto_generated_guid: 3b0f2c55-6f0e-4dd0-9a0c-0d6a1d8f5a11
    description: Runs a container whose command is markup.
    supported_platforms: [linux, containers]
    executor:
      name: bash
      command: |
        docker run --rm livefire/busybox:local echo '{MARKUP}'
"""
EXPECTED = """
  - atomic: T1059.013/docker-run-of-markup
    oracle:
      - name: a container ended with exit code 0
        sensor: docker_daemon
        kql: DockerDaemon_CL | where Source == "event" and Action == "die" and ExitCode == 0
    signals:
      - name: EXECVE of docker with <script>
        sensor: auditd
        kql: Auditd_CL | where RecordType == "EXECVE" and Exe endswith "/docker" and CommandLine has "<script>"
    fires: true
    flags: {PrivilegedContainer: false, HostMount: false, ContainerExec: false, SecretsAccess: false}
"""


def test_markup_in_a_command_line_is_shown_as_text(livefire: Livefire, tmp_path: Path) -> None:
    atomics, rules, html = tmp_path / "atomics.yaml", tmp_path / "rules", tmp_path / "report.html"
    rules.mkdir()
    atomics.write_text(ATOMIC)
    head = EXPECTATIONS.read_text().split("  - atomic: ")[0]
    (rules / EXPECTATIONS.name).write_text(head + EXPECTED)
    shutil.copy(EXPECTATIONS.with_name("container-cli-api.yaml"), rules)
    recording = tmp_path / "recording"
    done = livefire("run", "--atomics", atomics, "--expectations", rules, "--recording", recording, "--html", html)
    assert done.code == 1, done.out + done.err
    assert "1 PROVEN" in done.out  # and no benign run, so the rule is not
    with launched() as browser:
        page = browser.new_page(bypass_csp=True)  # its escaping must hold by itself
        page.goto(html.as_uri())
        assert page.title().startswith("Livefire: not as expected")
        assert page.locator("script, img, [autofocus], [onfocus]").count() == 0
        page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
        assert (
            page.locator("pre.command").inner_text().strip()
            == f"docker run --rm livefire/busybox:local echo '{MARKUP}'"
        )
        record = page.locator(".record", has_text="type=EXECVE").first
        assert MARKUP in record.locator(".decoded").inner_text()
        assert page.title().startswith("Livefire: not as expected")
