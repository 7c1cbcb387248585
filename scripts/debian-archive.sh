# Sourced by the build scripts: a cache, a work folder, and apt on the Debian archive with lists of its own.
#
# apt verifies everything that it fetches against the archive's signature. The system's apt state is not changed.

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/livefire
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
started=$SECONDS

say() { printf '%s: %s (%ds)\n' "${0##*/build-}" "$*" "$((SECONDS - started))"; }

# An empty work folder in the cache. An interrupted build leaves it to the next one. One build at a time.
work_folder() {
  work=$CACHE/build/$1
  mkdir -p "$CACHE/build"
  exec 9> "$work.lock"
  flock --nonblock 9 || {
    echo "error: another build is going on in $work" >&2
    exit 3
  }
  rm -rf "$work"
  mkdir -p "$work"
  trap 'rm -rf "$work" "$work.lock"' EXIT
  trap 'exit 130' INT TERM
}

# The host's own mirror, so that proxies and local mirrors keep working.
open_archive() {
  [ -f "$KEYRING" ] || {
    echo "error: $KEYRING is missing, so what Debian's archive sends can't be verified." >&2
    echo "       Install the package debian-archive-keyring." >&2
    exit 3
  }
  mirror=$(apt-get indextargets --format '$(SITE) $(REPO_URI)' 'Created-By: Packages' |
    awk '$2 ~ /\/debian\/?$/ { print $2; exit }')
  [ -n "$mirror" ] || {
    echo "error: the apt sources name no Debian mirror (this is not Debian?)." >&2
    exit 3
  }
  mkdir -p "$work"/{lists,packages}
  local suite
  for suite in "$@"; do
    printf 'deb [signed-by=%s] %s %s main\ndeb-src [signed-by=%s] %s %s main\n' \
      "$KEYRING" "$mirror" "$suite" "$KEYRING" "$mirror" "$suite"
  done > "$work/sources.list"
  apt update
}

apt() {
  apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::sourcelist="$work/sources.list" \
    -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/packages" "$@"
}
