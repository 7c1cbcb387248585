"""The same command started by another program: another shell, `env`, `xargs`, `timeout`, an interpreter."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evasion.meaning import Meaning, Way, text
from harness.evasion.shell_words import quote, variables

_PREFIXES = {
    "env": "env",
    "timeout": "timeout 60",
    "nohup": "nohup",
    "setsid": "setsid --wait",
    "perl": "perl -e 'exec @ARGV'",
    "python": "\"#{python}\" -c 'import os, sys; os.execvp(sys.argv[1], sys.argv[1:])'",
}
# `{}` stands for the command as one word.
_SHELLS = {
    "sh": "sh -c {}",
    "bash": "bash -c {}",
    "busybox-sh": "busybox sh -c {}",
    "piped": "printf '%s\\n' {} | sh",
    "script-file": 'printf \'%s\\n\' {} >"$HOME/task.sh"\nsh "$HOME/task.sh"',
}


def ways(meaning: Meaning) -> Iterator[Way]:
    """The command's own words stay as they are."""
    words = meaning.words()
    command = text(words)
    for name, prefix in _PREFIXES.items():
        yield name, f"{prefix} {command}"
    yield "xargs", f"printf '%s\\0' {text(words[1:])} | xargs -0 {words[0]}"
    yield "find", f"find / -maxdepth 0 -exec {command} ';'"
    yield "background", f"{command} &\nwait $!"
    yield "exec-name", f"(exec -a systemd-udevd {command})"
    used = variables(command)
    if used is None:
        return
    export = f"export {' '.join(used)}\n" if used else ""  # another shell only knows exported variables
    for name, form in _SHELLS.items():
        yield name, export + form.replace("{}", quote(command))
